import { BpfError } from '../errors.ts'
import { type PinKind, partFile } from '../plan/layout.ts'
import { draftName } from '../plan/names.ts'
import { pathAt, type Spot, type Step, spotOf } from '../plan/steps.ts'
import {
  changeMode,
  closedAfter,
  EEXIST,
  ENOENT,
  ENOLINK,
  ENOTDIR,
  ENOTEMPTY,
  linkDetach,
  linkInfo,
  linkUpdate,
  makeDirectory,
  objGet,
  objPin,
  removeDirectory,
  renameFile,
  renameFlag,
  systemError,
  unlinkFile,
} from '../syscall/index.ts'
import { Directories, type PathAt } from './directories.ts'
import { idOf } from './identity.ts'
import { createManifest } from './manifest-map.ts'
import { writeByOthers } from './ownership.ts'
import type { Left, SuccessionTools, Workshop } from './workshop.ts'

/** What the kernel gives a pin by itself (kernel/bpf/inode.c: bpf_obj_do_pin). */
const pinMode = 0o600

/** Steps that no succession of generations is needed for. */
type EarlierSteps =
  | 'make-directory'
  | 'pin'
  | 'write-manifest'
  | 'publish'
  | 'withdraw'
  | 'detach'
  | 'unpin'
  | 'remove-directory'
  | 'swap'
  | 'move'
  | 'update-link'

/** One run of steps: the directories that it holds open, and how to take back what it did. */
export class Bench {
  readonly #workshop: Workshop
  /** How to take back what was done, in order: of a pin where it is, as there are thousands of them. */
  readonly #undo: (Spot | (() => void))[] = []
  readonly left: Left[] = []
  readonly dead: string[] = []
  readonly held: number[] = []
  removed = 0
  readonly #isCommitted: boolean
  readonly #directories: Directories

  constructor(workshop: Workshop, isCommitted: boolean) {
    this.#workshop = workshop
    this.#isCommitted = isCommitted
    this.#directories = new Directories(workshop)
  }

  fullPath(path: string): string {
    return this.#directories.fullPath(path)
  }

  carryOut(step: Step): void {
    switch (step.do) {
      case 'make-directory':
        this.#makeDirectory(step.path)
        break
      case 'pin':
        this.#pin(this.#descriptorOf(step.kind, step.name), step, step)
        break
      case 'write-manifest':
        this.#writeManifest(step.path)
        break
      case 'publish':
        this.#workshop.root.mustBeFound()
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
      case 'swap':
        this.#swap(step)
        break
      case 'move':
        this.#move(step.from, step.to)
        break
      case 'update-link':
        this.#updateLink(step)
        break
      default:
        this.#succeed(step, this.#tools)
    }
  }

  #succeed(step: Exclude<Step, { do: EarlierSteps }>, tools: SuccessionTools): void {
    switch (step.do) {
      case 'copy':
        this.#pin(tools.snapshotOf(step.map), spotOf(step.path), `a copy of map '${step.map}'`)
        tools.copy(step.map)
        break
      case 'attach':
        this.#attach(step, tools)
        break
      case 'rewrite-manifest':
        this.#rewriteManifest(step.path)
        break
      case 'exchange':
        this.#exchange(step.from, step.to)
        break
      case 'await-links':
        this.held.push(...tools.awaitLinks(step.ids))
        break
      case 'await-programs':
        tools.awaitPrograms()
        break
      case 'sweep':
        this.#sweep(step, tools)
        break
      case 'drop-previous':
        tools.dropPrevious(step.path)
        break
    }
  }

  get #tools(): SuccessionTools {
    const { succession } = this.#workshop
    if (!succession) throw new Error('a step belongs to an upgrade, and this is none')
    return succession
  }

  undo(): void {
    for (const done of this.#undo.reverse()) {
      if (typeof done === 'function') done()
      else this.#removePin(done)
    }
    this.#undo.length = 0
  }

  #removePin(spot: Spot): void {
    const { directory, file } = this.#directories.lasting(spot)
    unlinkFile(file, directory)
  }

  close(): void {
    this.#directories.leave()
  }

  #makeDirectory(path: string): void {
    const { directory, file } = this.#directories.at(spotOf(path))
    const made = makeDirectory(file, this.#workshop.mode & ~writeByOthers, directory)
    // outside, another object may have needed it at the same time
    if (made === EEXIST && path.startsWith('/')) return
    this.#check(made, 'mkdirat', 'making directory', path)
    const takeBack = this.#directories.lasting(spotOf(path))
    this.#undo.push(() => removeDirectory(takeBack.file, takeBack.directory))
  }

  #descriptorOf(kind: PinKind, name: string): number {
    const fd = this.#workshop.descriptorOf(kind, name)
    if (fd === undefined) throw new Error(`a step pins ${kind} '${name}', which is gone`)
    return fd
  }

  #pin(fd: number, spot: Spot, what: string | Extract<Step, { do: 'pin' }>): void {
    const { file } = spot
    const directory = this.#directories.open(spot.directory)
    const result = objPin(fd, file, directory)
    if (result < 0) throw this.#failed(result, 'bpf(BPF_OBJ_PIN)', `pinning ${textOf(what)}`, pathAt(spot))
    this.#undo.push(spot)
    const mode = this.#workshop.mode & 0o666
    if (mode === pinMode) return
    const changed = changeMode(file, mode, directory)
    if (changed < 0)
      throw this.#failed(changed, 'fchmodat', `setting the mode of ${textOf(what)}`, pathAt(spot))
  }

  #writeManifest(path: string): void {
    const manifest = this.#workshop.manifest?.()
    if (!manifest) throw new Error('a step writes a manifest and there is none')
    const fd = createManifest(manifest)
    closedAfter(fd, () => {
      this.#pin(fd, spotOf(path), `the manifest of '${manifest.name}'`)
      this.#workshop.written?.(manifest, fd)
    })
  }

  #rewriteManifest(path: string): void {
    const { directory, file } = this.#directories.at(spotOf(path))
    const draft = path.slice(0, -file.length) + draftName
    // one that stopped here may have left it
    const removed = unlinkFile(draftName, directory)
    if (removed !== ENOENT) this.#check(removed, 'unlinkat', 'removing', draft)
    this.#writeManifest(draft)
    this.#check(renameFile(draftName, file, 0, directory), 'renameat2', 'renaming', draft)
  }

  #attach({ name, path }: Extract<Step, { do: 'attach' }>, tools: SuccessionTools): void {
    if (this.#isCommitted && this.#isPinned(path)) return
    const descriptors = tools.attach(name)
    if (!descriptors) this.dead.push(name)
    for (const [i, fd] of descriptors?.entries() ?? []) {
      this.#pin(fd, spotOf(i === 0 ? path : partFile(path, i + 1)), `link '${name}'`)
    }
  }

  #rename(from: string, to: string, flags: number): void {
    const { fd } = this.#workshop.root
    const result = renameFile(from, to, flags, fd)
    if (result === EEXIST || result === ENOTEMPTY) throw taken(this.fullPath(to))
    this.#check(result, 'renameat2', 'renaming', from)
    this.#directories.rename(from, to)
    this.#undo.push(() => {
      renameFile(to, from, renameFlag.NOREPLACE, fd)
      this.#directories.rename(to, from)
    })
  }

  #detach(path: string, id: number): void {
    const place = this.#found(spotOf(path))
    if (!place) return
    const { directory, file } = place
    const fd = objGet(file, 0, directory)
    if (fd === ENOENT) return
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', 'opening link', path)
    // where the kernel cannot detach, the link goes with its last pin
    closedAfter(fd, () => idOf(fd, 'link') === id && linkDetach(fd))
  }

  /** Removes a pin only if it still is what it is said to be. */
  #unpin(step: Extract<Step, { do: 'unpin' }>): void {
    const place = this.#found(step)
    if (!place) return
    if (!step.isSeen) {
      this.#unpinIfSame(step, place)
      return
    }
    const result = unlinkFile(place.file, place.directory)
    if (result === ENOENT) return
    if (result < 0) throw this.#failed(result, 'unlinkat', 'removing', pathAt(step))
    this.removed++
  }

  #unpinIfSame(step: Extract<Step, { do: 'unpin' }>, { directory, file }: PathAt): void {
    const { kind, name, id } = step
    const path = pathAt(step)
    const remove = (): void => this.#check(unlinkFile(file, directory), 'unlinkat', 'removing', path)
    if (kind === 'manifest' || id === null) {
      const result = unlinkFile(file, directory)
      if (result !== ENOENT) this.#check(result, 'unlinkat', 'removing', path)
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
    this.#directories.leave(path)
    const place = this.#found(spotOf(path))
    if (!place) return
    const { directory, file } = place
    const result = removeDirectory(file, directory)
    // outside, it belongs to whoever pinned something there since
    if (result === ENOTEMPTY && path.startsWith('/')) return
    if (result === ENOTEMPTY) this.#leave(path, 'something else is pinned in it')
    else if (result === ENOTDIR) this.#leave(path, 'it is no directory any more')
    else if (result !== ENOENT) this.#check(result, 'unlinkat', 'removing directory', path)
  }

  /** The commit: from here on there is only forward. */
  #exchange(from: string, to: string): void {
    const { root } = this.#workshop
    root.mustBeFound()
    this.#check(renameFile(from, to, renameFlag.EXCHANGE, root.fd), 'renameat2', 'exchanging', from)
    this.#directories.leave()
    this.#undo.length = 0
  }

  /** Puts a pin in the place of another, if that was not done before. */
  #swap({ kind, name, from, to, id }: Extract<Step, { do: 'swap' }>): void {
    if (this.#idAt(kind, to) === id) return
    if (this.#idAt(kind, from) !== id) {
      this.#leave(to, `it is not the ${kind} with id ${id} of this generation, which is gone`)
      return
    }
    const source = this.#directories.at(spotOf(from))
    const target = spotOf(to).file
    const doing = `putting ${kind} '${name}' in its place`
    // someone may have removed the old one
    let result = renameFile(source.file, target, renameFlag.EXCHANGE, source.directory)
    if (result === ENOENT) result = renameFile(source.file, target, renameFlag.NOREPLACE, source.directory)
    this.#check(result, 'renameat2', doing, to)
  }

  #idAt(kind: PinKind, path: string): number | undefined {
    const place = this.#directories.find(spotOf(path))
    const fd = place ? objGet(place.file, 0, place.directory) : ENOENT
    if (fd === ENOENT) return undefined
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `looking for a ${kind}`, path)
    return closedAfter(fd, () => idOf(fd, kind))
  }

  #isPinned(path: string): boolean {
    return this.#idAt('link', path) !== undefined
  }

  #move(from: string, to: string): void {
    const source = this.#directories.find(spotOf(from))
    if (!source) return
    const target = spotOf(to).file
    const result = renameFile(source.file, target, renameFlag.NOREPLACE, source.directory)
    if (result !== ENOENT) this.#check(result, 'renameat2', 'renaming', from)
    this.#directories.rename(from, to)
  }

  /** Makes a link run its program's successor; the kernel refuses where it runs neither of the two. */
  #updateLink({ name, path, kind, program }: Extract<Step, { do: 'update-link' }>): void {
    const place = this.#directories.find(spotOf(path))
    const fd = place ? objGet(place.file, 0, place.directory) : ENOENT
    if (fd < 0 && fd !== ENOENT) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `opening link '${name}'`, path)
    const result = fd === ENOENT ? ENOLINK : closedAfter(fd, () => this.#switchTo(fd, kind, program))
    if (result === ENOLINK) this.dead.push(name)
    else if (result === 'gone')
      this.#leave(path, `it was to run ${kind} '${program}', whose pin somebody removed`)
    else if (typeof result === 'object')
      this.#leave(path, `it runs ${kind} ${result.stranger}, of neither version`)
    else this.#check(result, 'bpf(BPF_LINK_UPDATE)', `switching link '${name}' to its new program`, path)
  }

  /** 0, also where it runs the new one already, or a negative errno, or the id of what somebody else put there. */
  #switchTo(
    link: number,
    kind: 'program' | 'map',
    name: string,
  ): number | 'gone' | { readonly stranger: number } {
    const next = this.#workshop.descriptorOf(kind, name)
    if (next === undefined) return 'gone'
    const info = linkInfo(link)
    if (typeof info === 'number') return info
    const current = info.kind === 'struct_ops' ? info.mapId : info.progId
    if (info.kind === 'struct_ops' && current === 0) return ENOLINK
    if (current === idOf(next, kind)) return 0
    const old = this.#workshop.oldOf?.(kind, name)
    return old === undefined || old.id === current ? linkUpdate(link, next, old?.fd) : { stranger: current }
  }

  #sweep({ map, path }: Extract<Step, { do: 'sweep' }>, tools: SuccessionTools): void {
    const place = this.#directories.find(spotOf(path))
    const fd = place ? objGet(place.file, 0, place.directory) : ENOENT
    // what was swept to its end has no snapshot any more
    if (fd === ENOENT) return
    if (fd < 0) throw this.#failed(fd, 'bpf(BPF_OBJ_GET)', `opening the copy of map '${map}'`, path)
    closedAfter(fd, () => tools.sweep(map, fd))
  }

  /** What is to be removed; it stays where another user can lead the way to it elsewhere. */
  #found(spot: Spot): PathAt | undefined {
    try {
      return this.#directories.find(spot)
    } catch (error) {
      if (!(error instanceof BpfError) || error.code !== 'ERR_FOREIGN') throw error
      this.#leave(pathAt(spot), error.message)
      return undefined
    }
  }

  #leave(path: string, why: string): void {
    this.left.push({ path: this.fullPath(path), why })
  }

  #check(result: number, syscall: string, doing: string, path: string): void {
    if (result < 0) throw this.#failed(result, syscall, doing, path)
  }

  #failed(result: number, syscall: string, doing: string, path: string): BpfError {
    return systemError(result, syscall, { doing, path: this.fullPath(path) })
  }
}

/** Made where it is needed: most pins need no words. */
function textOf(what: string | Extract<Step, { do: 'pin' }>): string {
  return typeof what === 'string' ? what : `${what.kind} '${what.name}'`
}

function taken(path: string): BpfError {
  return new BpfError(`${path} is there already`, {
    code: 'ERR_PINNED',
    path,
    hint: 'unpin what has that name, or give the object another one',
  })
}
