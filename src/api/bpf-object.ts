import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { type BpfLink, plannedLinks } from '../link/index.ts'
import type { BpfMap, Variable, VariableMemory } from '../map/index.ts'
import { type BpfProgram, KeptTogether, opsOf } from '../object/index.ts'
import { optionsOf } from '../options.ts'
import {
  type KnownManifest,
  type PinSite,
  pinObject,
  type RollbackOptions,
  Root,
  removePins,
  report,
  rollbackObject,
  type SuccessionOptions,
  type TakeoverOptions,
  type UnpinReport,
  type UpgradeReport,
  Writer,
} from '../pin/index.ts'
import type { Manifest } from '../plan/manifest.ts'
import type { Spec } from '../spec/types.ts'
import { absentLink, absentMap, absentProgram, absentVariable } from './absent.ts'
import { Collection } from './collection.ts'
import type {
  LiveLinks,
  LiveMaps,
  LivePrograms,
  LiveStructOps,
  LiveVariables,
  ObjectTypes,
} from './object-types.ts'

/** What a live object is made from. */
export interface ObjectParts {
  readonly spec: Spec
  readonly site: PinSite
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly links: ReadonlyMap<string, BpfLink>
  readonly variables: ReadonlyMap<string, Variable>
  readonly sections: readonly VariableMemory[]
  /** By what a found object was known. */
  readonly identity?: 'hash' | 'tag'
  /** Are the parts those that are pinned under the object's name? */
  readonly isPinned: boolean
  /** Is something pinned under that name, be it this or another? Then it is not attached or pinned once more. */
  readonly isNameTaken: boolean
  /** What the upgrade came to that made it. */
  readonly report?: UpgradeReport
}

/** A program that was not attached because it does not say where, and what it lacks: `'a cgroup directory'`. */
export interface Unattached {
  readonly program: string
  readonly wants: string
}

export interface WriteOptions {
  /** How long to wait for another process that is changing the same object, in milliseconds. Default 10,000. */
  readonly waitMs?: number
}

export interface PinOptions extends WriteOptions {
  /**
   * Permissions of the directories that are made, less the umask; pins get `mode & 0o666`. Default 0o700. The object's own
   * directory can be passed through but not listed by others than its owner, as who can read a directory can lock it.
   */
  readonly mode?: number
}

/** How to install an object, or to upgrade what is pinned of it. */
export interface UpgradeOptions extends PinOptions, SuccessionOptions, TakeoverOptions {}

/**
 * An object that the kernel holds. Closing it closes this process's descriptors: what is pinned, or held by another
 * process, lives on.
 */
export class BpfObject<Types extends ObjectTypes = ObjectTypes> {
  readonly name: string
  readonly maps: LiveMaps<Types>
  readonly programs: LivePrograms<Types>
  readonly variables: LiveVariables<Types>
  /** What its struct_ops maps register with the kernel, each under the name of its map. */
  readonly structOps: LiveStructOps<Types>
  readonly #parts: ObjectParts
  readonly #links: Set<BpfLink>
  #unattached: readonly Unattached[] = []
  #isPinned: boolean
  #isNameTaken: boolean
  #isClosed = false
  readonly #kept: KeptTogether
  /** What was pinned, where this object did it. */
  #pinned: KnownManifest | undefined

  /** @internal */
  constructor(parts: ObjectParts) {
    this.name = parts.spec.name
    const { spec } = parts
    // a skeleton says what is in the object that it was generated from
    this.maps = new Collection('map', parts.maps, absentMap(spec)) as LiveMaps<Types>
    this.programs = new Collection('program', parts.programs, absentProgram(spec)) as LivePrograms<Types>
    this.variables = new Collection('variable', parts.variables, absentVariable(spec)) as LiveVariables<Types>
    this.#links = new Set(parts.links.values())
    const structOps = opsOf(spec, parts.maps, parts.programs)
    this.structOps = new Collection('map', structOps, absentMap(spec)) as LiveStructOps<Types>
    for (const owner of [...this.programs, ...this.structOps]) owner.onAttach(link => this.#take(link))
    this.#parts = parts
    this.#isPinned = parts.isPinned
    this.#isNameTaken = parts.isNameTaken
    this.#kept = new KeptTogether(`object '${this.name}'`)
    this.#kept.keep(parts.maps.values(), parts.programs.values())
  }

  /**
   * The links of attached programs, each under the name of its program, or `program~label`: those that {@link attach} made
   * and those of `program.attach()`. One that was closed is none.
   */
  get links(): LiveLinks<Types> {
    return new Collection('link', this.#openLinks(), absentLink(this.#parts.spec)) as LiveLinks<Types>
  }

  #openLinks(): BpfLink[] {
    return [...this.#links].filter(link => !link.closed)
  }

  #take(link: BpfLink): void {
    for (const old of this.#links) if (old.closed) this.#links.delete(old)
    this.#links.add(link)
  }

  /** The programs that the last {@link attach} left out because they do not say where. */
  get unattached(): readonly Unattached[] {
    return this.#unattached
  }

  /** Is what this object holds pinned as a whole? */
  get isPinned(): boolean {
    return this.#isPinned
  }

  /**
   * By what its programs are known to be this object's: `'hash'`, of the whole code, which the manifest has; or `'tag'`, for
   * pins that no manifest lists (see `loadPinned()`), which is equal for programs that differ in the variable that they use.
   */
  get identity(): 'hash' | 'tag' {
    return this.#parts.identity ?? 'hash'
  }

  /** Was it found pinned, so that nothing was loaded or changed? */
  get wasFound(): boolean {
    return this.#parts.isPinned && this.#parts.report === undefined
  }

  /** What the upgrade came to that put it in the place of another version; `undefined` for what was installed or found. */
  get upgraded(): UpgradeReport | undefined {
    return this.#parts.report
  }

  /** The directory of its pins, whether they are there or not. */
  get pinPath(): string {
    return `${this.#parts.site.root}/${this.#parts.site.directory}`
  }

  /**
   * Attaches every program that says where, by its section name or its target, and registers every struct_ops map, where that
   * is not done yet. All of them, or none: when one fails, those attached by this call are detached.
   *
   * Programs that do not say where are left out and listed in {@link unattached}.
   *
   * @throws BpfError `ERR_PINNED` where the object's own generation is pinned, else with the kernel's errno.
   */
  attach(): void {
    this.#mustBeOpen()
    this.#mustNotBePinned('attaching')
    const unattached: Unattached[] = []
    const attached: BpfLink[] = []
    try {
      for (const program of this.programs) {
        if (!program.spec?.autoattach) continue
        for (const { name, label, wants } of plannedLinks(program.spec)) {
          if (this.#isAttached(name)) continue
          if (wants === undefined) attached.push(program.attach({ label }))
          else unattached.push({ program: program.name, wants })
        }
      }
      for (const ops of this.structOps) {
        if (ops.owner.autoattach && !this.#isAttached(ops.name)) attached.push(ops.attach())
      }
    } catch (error) {
      closeAll(attached)
      throw error
    }
    this.#unattached = unattached
  }

  /**
   * @internal For an object that was found pinned: attaches what is not to be pinned, as that went with its process, and
   * tells what does not say where.
   */
  attachUnpinned(): void {
    const unattached: Unattached[] = []
    for (const program of this.programs) {
      if (!program.spec?.autoattach) continue
      for (const { name, label, wants } of plannedLinks(program.spec)) {
        if (this.#isAttached(name)) continue
        if (wants !== undefined) unattached.push({ program: program.name, wants })
        else if (program.spec.link.pinPath === null) program.attach({ label })
      }
    }
    for (const ops of this.structOps) {
      const { autoattach, link } = ops.owner
      if (autoattach && link.pinPath === null && !this.#isAttached(ops.name)) ops.attach()
    }
    this.#unattached = unattached
  }

  /**
   * Pins maps, programs and {@link links} below `<root>/<name>`: all of it, or nothing.
   *
   * @throws BpfError `ERR_PINNED` where the object is pinned already, `ERR_UNPINNABLE` for a link that cannot be pinned,
   * `ERR_NAME` for two links of one name, `ERR_NO_BPFFS`, `ERR_LOCKED`, `ERR_FOREIGN`, else
   * with the kernel's errno.
   */
  pin(given?: PinOptions): void {
    const options = optionsOf(given, 'pin()')
    this.#mustBeOpen()
    this.#mustNotBePinned('pinning')
    const writer = Writer.open(this.#parts.site, this.name, options)
    try {
      this.pinBy(writer)
    } finally {
      writer.close()
    }
  }

  /** @internal As {@link pin}, by a process that holds the object's lock already. */
  pinBy(writer: Writer): void {
    if (writer.hasCurrent) {
      throw new BpfError(`pinning object '${this.name}': ${this.pinPath} is there already`, {
        code: 'ERR_PINNED',
        path: this.pinPath,
        hint: 'upgrade() works on a pinned object; unpin it, or give the object another name',
      })
    }
    const { spec, maps, programs } = this.#parts
    const links = byName(this.#openLinks())
    this.#pinned = pinObject({ spec, maps, programs, links }, writer)
    this.#isPinned = true
  }

  /**
   * Detaches the object's programs and removes its pins. Maps and programs that this process holds live on until
   * {@link close}; its links are closed, as they would keep the programs attached.
   *
   * @returns what was removed and what was left; nothing is left but what is not this object's
   */
  unpin(options?: WriteOptions): UnpinReport {
    const { waitMs } = optionsOf(options, 'unpin()')
    this.#mustBeOpen()
    const nothing = { removed: 0, left: [], stillAttached: [] }
    if (!this.#isPinned) return nothing
    using root = Root.find(this.#parts.site.root)
    const unpinned =
      root &&
      removePins(root, this.name, {
        ...{ waitMs, known: this.#pinned },
        isMeant: manifest => this.#isThis(manifest),
      })
    this.#isPinned = false
    this.#isNameTaken = false
    // a link that this process holds would keep its program attached
    this.#closeLinks()
    return unpinned ? report(unpinned) : nothing
  }

  /**
   * Puts the generation that an upgrade kept (`keepPrevious`) in the place of this one, as an upgrade does. What this object
   * holds is not what is pinned any more: close it, and open the object again.
   *
   * @throws BpfError `ERR_NO_PREVIOUS` where none was kept, `ERR_NOT_PINNED`, `ERR_GAP`, `ERR_LOCKED`.
   */
  rollback(given?: RollbackOptions & PinOptions): UpgradeReport {
    const { keepPrevious, allowGap, ...options } = optionsOf(given, 'rollback()')
    this.#mustBeOpen()
    const writer = Writer.open(this.#parts.site, this.name, options)
    try {
      const report = rollbackObject(writer, this.name, {
        ...(keepPrevious === undefined ? {} : { keepPrevious }),
        ...(allowGap === undefined ? {} : { allowGap }),
        onCommit: () => this.#closeLinks(),
      })
      this.#isPinned = false
      return report
    } finally {
      writer.close()
    }
  }

  #closeLinks(): void {
    closeAll(this.#links)
    this.#links.clear()
  }

  /** Another object may have been pinned under the name since. */
  #isThis(manifest: Manifest): boolean {
    if (manifest === this.#pinned?.manifest) return true
    const { pins } = manifest
    const { maps, programs } = this.#parts
    return pins.every(({ kind, name, id }) => {
      if (kind === 'link') return true
      const item = kind === 'map' ? maps.get(name) : programs.get(name)
      return item === undefined || item.id === id
    })
  }

  /** Closes all descriptors and mappings; a second time does nothing. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#kept.end()
    closeAll(this.#parts.sections, this.#links, this.programs, this.maps)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** A link that the user closed is none. */
  #isAttached(name: string): boolean {
    for (const link of this.#links) if (link.name === name && !link.closed) return true
    return false
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new BpfError(`object '${this.name}' is closed`, { code: 'ERR_CLOSED' })
  }

  #mustNotBePinned(doing: string): void {
    if (!this.#isPinned && !this.#isNameTaken) return
    throw new BpfError(`${doing} object '${this.name}': it is pinned at ${this.pinPath}`, {
      code: 'ERR_PINNED',
      path: this.pinPath,
      hint: 'upgrade() works on a pinned object',
    })
  }
}

/** @throws BpfError `ERR_NAME` where a program was attached twice, to one target or to two that have no labels. */
function byName(links: readonly BpfLink[]): Map<string, BpfLink> {
  const named = new Map(links.map(link => [link.name, link]))
  if (named.size === links.length) return named
  const { name } = links.find(link => named.get(link.name) !== link) ?? {}
  throw new BpfError(`there are two links '${name}': they cannot both be pinned under that name`, {
    code: 'ERR_NAME',
    hint: "close one of them; several targets of a program have labels (the program's targets)",
  })
}
