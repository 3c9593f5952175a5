import { BpfError } from '../errors.ts'
import type { PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import type { Step } from '../plan/steps.ts'
import {
  AT_FDCWD,
  changeMode,
  closeFd,
  linkDetach,
  makeDirectory,
  objGet,
  objPin,
  openFile,
  openFlag,
  removeDirectory,
  renameFile,
  renameFlag,
  systemError,
  unlinkFile,
} from '../syscall/index.ts'
import { idOf } from './identity.ts'
import { createManifest } from './manifest-map.ts'
import type { Root } from './root.ts'

/** What steps are carried out with. */
export interface Workshop {
  readonly root: Root
  /** Descriptor of something that is to be pinned. */
  descriptorOf(kind: PinKind, name: string): number
  readonly manifest?: Manifest
  /** Permissions of new directories; pins get those of them that are not for directories only. */
  readonly mode: number
}

/** A pin or directory that was to be removed and was not. */
export interface Left {
  readonly path: string
  readonly why: string
}

/** What steps that remove things came to. */
export interface Removal {
  /** How many pins are gone by this; the manifest does not count. */
  readonly removed: number
  readonly left: readonly Left[]
}

/** What the kernel gives a pin by itself (kernel/bpf/inode.c: bpf_obj_do_pin). */
const pinMode = 0o600

const ENOENT = -2
const ENOTEMPTY = -39
const EEXIST = -17

export interface ApplyOptions {
  /** Take back what was done when a step fails; removals cannot be. Default `true`. */
  readonly undo?: boolean
  /** Called after each step, for tests that stop there. */
  readonly afterStep?: (step: Step) => void
}

/**
 * Carries out steps in order. When one fails, those before it are undone, last first, and only what this call did.
 */
export function applySteps(
  steps: readonly Step[],
  workshop: Workshop,
  { undo = true, afterStep }: ApplyOptions = {},
): Removal {
  const bench = new Bench(workshop)
  try {
    for (const step of steps) {
      bench.carryOut(step)
      afterStep?.(step)
    }
    return { removed: bench.removed, left: bench.left }
  } catch (error) {
    if (undo) bench.undo()
    throw error
  } finally {
    bench.close()
  }
}

/** One run of steps: the directories that it holds open, and how to take back what it did. */
class Bench {
  readonly #workshop: Workshop
  readonly #undo: (() => void)[] = []
  readonly left: Left[] = []
  removed = 0
  /** The directory that the last step worked in: a generation's pins come one after another. */
  #directory = { path: '', fd: -1 }

  constructor(workshop: Workshop) {
    this.#workshop = workshop
  }

  fullPath(path: string): string {
    return path.startsWith('/') ? path : `${this.#workshop.root.path}/${path}`
  }

  carryOut(step: Step): void {
    switch (step.do) {
      case 'make-directory':
        this.#makeDirectory(step.path)
        break
      case 'pin':
        this.#pin(this.#workshop.descriptorOf(step.kind, step.name), step.path, `${step.kind} '${step.name}'`)
        break
      case 'write-manifest':
        this.#writeManifest(step.path)
        break
      case 'rename':
        this.#rename(step.from, step.to)
        break
      case 'detach':
        this.#detach(step.path, step.id)
        break
      case 'unpin':
        this.#unpin(step)
        break
      case 'remove-directory':
        this.#removeDirectory(step.path)
        break
    }
  }

  undo(): void {
    for (const takeBack of this.#undo.reverse()) takeBack()
    this.#undo.length = 0
  }

  close(): void {
    if (this.#directory.fd >= 0) closeFd(this.#directory.fd)
    this.#directory = { path: '', fd: -1 }
  }

  #makeDirectory(path: string): void {
    const { root, mode } = this.#workshop
    const result = makeDirectory(path, mode, root.fd)
    if (result === EEXIST)
      throw taken(this.fullPath(path), 'another process is pinning the object, or was stopped while it did')
    this.#check(result, 'mkdirat', 'making directory', path)
    this.#undo.push(() => removeDirectory(path, root.fd))
  }

  #pin(fd: number, path: string, what: string): void {
    const { directory, file } = this.#split(path)
    const result = objPin(fd, file, directory)
    if (result < 0) throw this.#failed(result, 'bpf(BPF_OBJ_PIN)', `pinning ${what}`, path)
    // by its path from the root: taking back must work without a free descriptor
    this.#undo.push(() => unlinkFile(path, this.#workshop.root.fd))
    const mode = this.#workshop.mode & 0o666
    if (mode !== pinMode)
      this.#check(changeMode(file, mode, directory), 'fchmodat', `setting the mode of ${what}`, path)
  }

  #writeManifest(path: string): void {
    const { manifest } = this.#workshop
    if (!manifest) throw new Error('a step writes a manifest and there is none')
    const fd = createManifest(manifest)
    try {
      this.#pin(fd, path, `the manifest of '${manifest.name}'`)
    } finally {
      closeFd(fd)
    }
  }

  #rename(from: string, to: string): void {
    const { fd } = this.#workshop.root
    const result = renameFile(from, to, renameFlag.NOREPLACE, fd)
    if (result === EEXIST)
      throw taken(this.fullPath(to), 'unpin what has that name, or give the object another one')
    this.#check(result, 'renameat2', 'renaming', from)
    // the directory held open has another name now
    this.close()
    this.#undo.push(() => {
      this.close()
      renameFile(to, from, renameFlag.NOREPLACE, fd)
    })
  }

  #detach(path: string, id: number): void {
    const { directory, file } = this.#split(path)
    const fd = objGet(file, 0, directory)
    if (fd === ENOENT) return
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', 'opening link', path)
    // where the kernel cannot detach, the link goes with its last pin
    if (idOf(fd, 'link') === id) linkDetach(fd)
    closeFd(fd)
  }

  /** Removes a pin only if it still is what it is said to be. */
  #unpin({ kind, name, path, id }: Extract<Step, { do: 'unpin' }>): void {
    const { directory, file } = this.#split(path)
    if (kind !== 'manifest') {
      const fd = objGet(file, 0, directory)
      if (fd === ENOENT) return
      if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `opening ${kind} '${name}'`, path)
      const found = idOf(fd, kind)
      closeFd(fd)
      if (found !== id) {
        this.#leave(path, `it is not the ${kind} with id ${id} that was pinned there`)
        return
      }
    }
    this.#check(this.#unlink(path), 'unlinkat', 'removing', path)
    if (kind !== 'manifest') this.removed++
  }

  #removeDirectory(path: string): void {
    if (this.#directory.path === path) this.close()
    const result = removeDirectory(path, this.#workshop.root.fd)
    if (result === ENOTEMPTY) this.#leave(path, 'something else is pinned in it')
    else if (result !== ENOENT) this.#check(result, 'unlinkat', 'removing directory', path)
  }

  #leave(path: string, why: string): void {
    this.left.push({ path: this.fullPath(path), why })
  }

  #unlink(path: string): number {
    const { directory, file } = this.#split(path)
    return unlinkFile(file, directory)
  }

  /** The directory of a path, held open while steps stay in it, and the name in it. */
  #split(path: string): { readonly directory: number; readonly file: string } {
    const slash = path.lastIndexOf('/')
    const directory = slash < 0 ? '' : path.slice(0, slash)
    const file = path.slice(slash + 1)
    if (directory === '' && slash < 0) return { directory: this.#workshop.root.fd, file }
    if (this.#directory.path !== directory || this.#directory.fd < 0) {
      this.close()
      const fd = openFile(
        directory || '/',
        openFlag.PATH | openFlag.DIRECTORY,
        path.startsWith('/') ? AT_FDCWD : this.#workshop.root.fd,
      )
      if (fd < 0) throw this.#failed(fd, 'openat', 'opening directory', directory)
      this.#directory = { path: directory, fd }
    }
    return { directory: this.#directory.fd, file }
  }

  #check(result: number, syscall: string, doing: string, path: string): void {
    if (result < 0) throw this.#failed(result, syscall, doing, path)
  }

  #failed(result: number, syscall: string, doing: string, path: string): BpfError {
    return systemError(result, syscall, { doing, path: this.fullPath(path) })
  }
}

function taken(path: string, hint: string): BpfError {
  return new BpfError(`${path} is there already`, { code: 'ERR_PINNED', path, hint })
}
