import { BpfError } from '../errors.ts'
import type { PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import type { Step } from '../plan/steps.ts'
import {
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
import { isBpffs, notBpffs, type Root } from './root.ts'

/** What steps are carried out with. */
export interface Workshop {
  readonly root: Root
  /**
   * Descriptors of directories below the root that are locked, by name: what is done in them is done through these, so
   * that it does not matter who has which name.
   */
  readonly held: ReadonlyMap<string, number>
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

let watcher: ((step: Step) => void) | undefined

/** For tests: is told of each step after it was carried out, and may end the process there. */
export function watchSteps(watch: ((step: Step) => void) | undefined): void {
  watcher = watch
}

/**
 * Carries out steps in order. When one fails, those before it are undone, last first, and only what this call did.
 *
 * @param undo `false` for removals, which cannot be taken back: what is left of them the next call finishes
 */
export function applySteps(
  steps: readonly Step[],
  workshop: Workshop,
  { undo = true }: { readonly undo?: boolean } = {},
): Removal {
  const bench = new Bench(workshop)
  try {
    for (const step of steps) {
      bench.carryOut(step)
      watcher?.(step)
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
  /** The locked directories by the names that they have now. */
  readonly #held: Map<string, number>
  /** The directory that the last step worked in: a generation's pins come one after another. */
  #directory = { path: '', fd: -1 }
  #manifest = -1

  constructor(workshop: Workshop) {
    this.#workshop = workshop
    this.#held = new Map(workshop.held)
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
      case 'publish':
        this.#rename(step.from, step.to, renameFlag.NOREPLACE)
        break
      case 'withdraw':
        this.#rename(step.from, step.to, 0)
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
    this.#leaveDirectory()
    if (this.#manifest >= 0) closeFd(this.#manifest)
    this.#manifest = -1
  }

  #makeDirectory(path: string): void {
    const { directory, file } = this.#split(path)
    const made = makeDirectory(file, this.#workshop.mode, directory)
    // outside, another object may have needed it at the same time
    if (made === EEXIST && path.startsWith('/')) return
    this.#check(made, 'mkdirat', 'making directory', path)
    const takeBack = this.#remover(path)
    this.#undo.push(() => removeDirectory(takeBack.file, takeBack.directory))
  }

  #pin(fd: number, path: string, what: string): void {
    const { directory, file } = this.#split(path)
    const result = objPin(fd, file, directory)
    if (result < 0) throw this.#failed(result, 'bpf(BPF_OBJ_PIN)', `pinning ${what}`, path)
    const takeBack = this.#remover(path)
    this.#undo.push(() => unlinkFile(takeBack.file, takeBack.directory))
    const mode = this.#workshop.mode & 0o666
    if (mode !== pinMode) {
      this.#check(changeMode(file, mode, directory), 'fchmodat', `setting the mode of ${what}`, path)
    }
  }

  #writeManifest(path: string): void {
    const { manifest } = this.#workshop
    if (!manifest) throw new Error('a step writes a manifest and there is none')
    if (this.#manifest < 0) this.#manifest = createManifest(manifest)
    this.#pin(this.#manifest, path, `the manifest of '${manifest.name}'`)
  }

  #rename(from: string, to: string, flags: number): void {
    const { fd } = this.#workshop.root
    const result = renameFile(from, to, flags, fd)
    if (result === EEXIST || result === ENOTEMPTY) throw taken(this.fullPath(to))
    this.#check(result, 'renameat2', 'renaming', from)
    // what is held is the same, under another name
    this.#leaveDirectory()
    const held = this.#held.get(from)
    if (held !== undefined) this.#held.set(to, held)
    this.#held.delete(from)
    this.#undo.push(() => renameFile(to, from, renameFlag.NOREPLACE, fd))
  }

  #detach(path: string, id: number): void {
    const place = this.#find(path)
    if (!place) return
    const { directory, file } = place
    const fd = objGet(file, 0, directory)
    if (fd === ENOENT) return
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', 'opening link', path)
    // where the kernel cannot detach, the link goes with its last pin
    closedAfter(fd, () => idOf(fd, 'link') === id && linkDetach(fd))
  }

  /** Removes a pin only if it still is what it is said to be. */
  #unpin({ kind, name, path, id }: Extract<Step, { do: 'unpin' }>): void {
    const place = this.#find(path)
    if (!place) return
    const { directory, file } = place
    const remove = (): void => this.#check(unlinkFile(file, directory), 'unlinkat', 'removing', path)
    if (kind === 'manifest') {
      remove()
      return
    }
    const fd = objGet(file, 0, directory)
    if (fd === ENOENT) return
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `opening ${kind} '${name}'`, path)
    // closed last: then a link is detached when close() returns, and not some time after the pin is gone
    // (kernel/bpf/syscall.c: bpf_link_put leaves it to a worker, bpf_link_release does not)
    const isRemoved = closedAfter(fd, () => {
      const isStill = idOf(fd, kind) === id
      if (isStill) remove()
      return isStill
    })
    if (isRemoved) this.removed++
    else this.#leave(path, `it is not the ${kind} with id ${id} that was pinned there`)
  }

  #removeDirectory(path: string): void {
    if (this.#directory.path === path) this.#leaveDirectory()
    const place = this.#find(path)
    if (!place) return
    const { directory, file } = place
    const result = removeDirectory(file, directory)
    // outside, it belongs to whoever pinned something there since
    if (result === ENOTEMPTY && path.startsWith('/')) return
    if (result === ENOTEMPTY) this.#leave(path, 'something else is pinned in it')
    else if (result !== ENOENT) this.#check(result, 'unlinkat', 'removing directory', path)
  }

  #leave(path: string, why: string): void {
    this.left.push({ path: this.fullPath(path), why })
  }

  /** As {@link #split}; `undefined` where the directory is gone, and so what was in it. */
  #find(path: string): { readonly directory: number; readonly file: string } | undefined {
    try {
      return this.#split(path)
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** The directory of a path, held open while steps stay in it, and the name in it. */
  #split(path: string): { readonly directory: number; readonly file: string } {
    const slash = path.lastIndexOf('/')
    const parent = path.slice(0, Math.max(slash, 0))
    const file = path.slice(slash + 1)
    if (slash < 0) return { directory: this.#workshop.root.fd, file }
    const held = this.#held.get(parent)
    if (held !== undefined) return { directory: held, file }
    if (this.#directory.path !== parent || this.#directory.fd < 0) this.#enter(parent)
    return { directory: this.#directory.fd, file }
  }

  #enter(path: string): void {
    this.#leaveDirectory()
    const isOutside = path === '' || path.startsWith('/')
    const { directory, file } = this.#remover(path)
    const fd = isOutside
      ? openFile(path || '/', openFlag.PATH | openFlag.DIRECTORY)
      : openFile(file, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, directory)
    if (fd < 0) throw this.#failed(fd, 'openat', 'opening directory', path)
    this.#directory = { path, fd }
    if (isOutside && !isBpffs(fd, path)) throw notBpffs(path, path)
  }

  #leaveDirectory(): void {
    if (this.#directory.fd >= 0) closeFd(this.#directory.fd)
    this.#directory = { path: '', fd: -1 }
  }

  /** A path from a directory that stays open: what takes a step back must work without a free descriptor. */
  #remover(path: string): { readonly directory: number; readonly file: string } {
    const slash = path.startsWith('/') ? -1 : path.indexOf('/')
    const held = slash < 0 ? undefined : this.#held.get(path.slice(0, slash))
    if (held === undefined) return { directory: this.#workshop.root.fd, file: path }
    return { directory: held, file: path.slice(slash + 1) }
  }

  #check(result: number, syscall: string, doing: string, path: string): void {
    if (result < 0) throw this.#failed(result, syscall, doing, path)
  }

  #failed(result: number, syscall: string, doing: string, path: string): BpfError {
    return systemError(result, syscall, { doing, path: this.fullPath(path) })
  }
}

function closedAfter<T>(fd: number, use: () => T): T {
  try {
    return use()
  } finally {
    closeFd(fd)
  }
}

function taken(path: string): BpfError {
  return new BpfError(`${path} is there already`, {
    code: 'ERR_PINNED',
    path,
    hint: 'unpin what has that name, or give the object another one',
  })
}
