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

/** A pin that was to be removed and was not. */
export interface Left {
  readonly path: string
  readonly why: string
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
 *
 * @returns what could not be removed because it is no longer what the step says
 */
export function applySteps(
  steps: readonly Step[],
  workshop: Workshop,
  { undo = true, afterStep }: ApplyOptions = {},
): Left[] {
  const bench = new Bench(workshop)
  const left: Left[] = []
  try {
    for (const step of steps) {
      const reason = bench.carryOut(step)
      if (reason !== undefined && 'path' in step) left.push({ path: bench.fullPath(step.path), why: reason })
      afterStep?.(step)
    }
    return left
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
  /** The directory that the last step worked in: a generation's pins come one after another. */
  #directory = { path: '', fd: -1 }

  constructor(workshop: Workshop) {
    this.#workshop = workshop
  }

  fullPath(path: string): string {
    return path.startsWith('/') ? path : `${this.#workshop.root.path}/${path}`
  }

  /** Returns why something was left as it is. */
  carryOut(step: Step): string | undefined {
    switch (step.do) {
      case 'make-directory':
        this.#makeDirectory(step.path)
        return undefined
      case 'pin':
        this.#pin(this.#workshop.descriptorOf(step.kind, step.name), step.path, `${step.kind} '${step.name}'`)
        return undefined
      case 'write-manifest':
        this.#writeManifest(step.path)
        return undefined
      case 'rename':
        this.#rename(step.from, step.to)
        return undefined
      case 'detach':
        return this.#detach(step.path, step.id)
      case 'unpin':
        return this.#unpin(step)
      case 'remove-directory':
        return this.#removeDirectory(step.path)
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
    if (result === EEXIST) throw busy(this.fullPath(path))
    this.#check(result, 'mkdirat', 'making directory', path)
    this.#undo.push(() => removeDirectory(path, root.fd))
  }

  #pin(fd: number, path: string, what: string): void {
    const { directory, file } = this.#split(path)
    const result = objPin(fd, file, directory)
    if (result < 0) throw this.#failed(result, 'bpf(BPF_OBJ_PIN)', `pinning ${what}`, path)
    this.#undo.push(() => this.#unlink(path))
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
    if (result === EEXIST) throw busy(this.fullPath(to))
    this.#check(result, 'renameat2', 'renaming', from)
    // the directory held open has another name now
    this.close()
    this.#undo.push(() => {
      this.close()
      renameFile(to, from, renameFlag.NOREPLACE, fd)
    })
  }

  #detach(path: string, id: number): string | undefined {
    const { directory, file } = this.#split(path)
    const fd = objGet(file, 0, directory)
    if (fd === ENOENT) return undefined
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', 'opening link', path)
    // where the kernel cannot detach, the link goes with its last pin
    if (idOf(fd, 'link') === id) linkDetach(fd)
    closeFd(fd)
    return undefined
  }

  /** Removes a pin only if it still is what it is said to be. */
  #unpin(step: Extract<Step, { do: 'unpin' }>): string | undefined {
    const { directory, file } = this.#split(step.path)
    if (step.kind !== 'manifest') {
      const fd = objGet(file, 0, directory)
      if (fd === ENOENT) return 'it was gone already'
      if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `opening ${step.kind} '${step.name}'`, step.path)
      const id = idOf(fd, step.kind)
      closeFd(fd)
      if (id !== step.id) return `it is not the ${step.kind} with id ${step.id} that was pinned there`
    }
    this.#check(this.#unlink(step.path), 'unlinkat', 'removing', step.path)
    return undefined
  }

  #removeDirectory(path: string): string | undefined {
    if (this.#directory.path === path) this.close()
    const result = removeDirectory(path, this.#workshop.root.fd)
    if (result === ENOTEMPTY) return 'something else is pinned in it'
    if (result !== ENOENT) this.#check(result, 'unlinkat', 'removing directory', path)
    return undefined
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

function busy(path: string): BpfError {
  return new BpfError(`${path} is there already`, {
    code: 'ERR_PINNED',
    path,
    hint: 'another process is pinning the object, or one was stopped while it did',
  })
}
