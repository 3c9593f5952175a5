import { EventEmitter } from 'node:events'
import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import type { BpfMap, Variable, VariableMemory } from '../map/index.ts'
import { type BpfProgram, KeptTogether, liveVariables } from '../object/index.ts'
import {
  closeGeneration,
  type Generation,
  isCurrent,
  isInTransition,
  type OpenOptions,
  openGeneration,
  openParts,
  type PinnedLink,
  type PinnedParts,
  pinnedVariables,
  Root,
  type RootWatcher,
  watchRoot,
} from '../pin/index.ts'
import { encodeObjectName, nextSuffix } from '../plan/names.ts'
import type { Spec } from '../spec/types.ts'
import { absentPinned } from './absent.ts'
import { type Absent, Collection } from './collection.ts'
import type { LiveMaps, LivePrograms, LiveVariables, ObjectTypes, PinnedLinks } from './object-types.ts'

export interface OpenPinnedOptions {
  /** Directory on bpffs, where the object is given by its name. Default `/sys/fs/bpf`. */
  readonly root?: string
  /** Open maps for reading only, which takes no more than read permission on the pins. Default `false`. */
  readonly readOnly?: boolean
  /**
   * Number of a user whose pins may be opened as well, or `'any'`. Default: root's and this process's own; what another user
   * pinned under the name that one looks for is refused, as he may have done so on purpose.
   */
  readonly owner?: number | 'any'
  /**
   * Move to each new generation of the object when it is there: maps, programs and variables that are held go on as
   * those of the new one, and `'generation'` is emitted. Default `false`.
   */
  readonly follow?: boolean
}

/** Events of a {@link PinnedObject} that follows. What a listener throws is caught by nobody, as of any emitter, and ends no following. */
export interface PinnedEvents {
  /** Moved to this generation. */
  generation: [generation: number]
  /** The object was unpinned; what is held goes on living, and following goes on too. */
  unpinned: []
  /** Moving to a new generation failed, until it is tried again; what is held is that of the old one. Thrown where nobody listens. */
  error: [error: Error]
}

/** @internal Where an object is pinned: what was asked for, taken apart. */
export interface PinnedPlace {
  readonly root: string
  readonly name: string
}

/**
 * A pinned object, opened without its ELF file: types come from the manifest. What belongs together is opened through
 * one directory, so that it is of one generation also while another process replaces it.
 */
export class PinnedObject<Types extends ObjectTypes = ObjectTypes> extends EventEmitter<PinnedEvents> {
  readonly name: string
  readonly #place: PinnedPlace
  readonly #options: OpenOptions
  readonly #expected: Spec | undefined
  readonly #absent: Absent | undefined
  readonly #maps = new Map<string, BpfMap>()
  readonly #programs = new Map<string, BpfProgram>()
  readonly #variables = new Map<string, Variable>()
  #links: readonly PinnedLink[] = []
  #sections: readonly VariableMemory[] = []
  #generation: Generation
  #watcher: RootWatcher | undefined
  #isClosed = false
  readonly #kept: KeptTogether

  /**
   * @internal Use {@link openPinned}.
   * @param expected an object whose types each generation must have
   */
  constructor(
    place: PinnedPlace,
    { readOnly = false, owner, follow = false }: OpenPinnedOptions,
    expected?: Spec,
  ) {
    super()
    this.#expected = expected
    this.#absent = expected && absentPinned(expected)
    this.name = place.name
    this.#place = place
    this.#options = { readOnly, owner }
    const found = this.#open()
    if (!found) throw notPinned(place)
    this.#generation = found.generation
    this.#kept = new KeptTogether(`object '${place.name}'`)
    try {
      this.#adopt(found.parts)
      if (follow) this.#follow()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The directory of its pins. */
  get path(): string {
    return this.#generation.path
  }

  /** Number of the generation that is open: 1 when it was first pinned, one more with every upgrade. */
  get generation(): number {
    return this.#generation.manifest.generation
  }

  /** When that generation was pinned, ISO 8601. */
  get created(): string {
    return this.#generation.manifest.created
  }

  get maps(): LiveMaps<Types> {
    return new Collection('map', this.#maps.values(), this.#absent) as LiveMaps<Types>
  }

  get programs(): LivePrograms<Types> {
    return new Collection('program', this.#programs.values(), this.#absent) as LivePrograms<Types>
  }

  /** What the manifest says of the links: they cannot be opened for reading only, and the kernel tells little of them. */
  get links(): PinnedLinks<Types> {
    return new Collection('link', this.#links, this.#absent) as PinnedLinks<Types>
  }

  /** Variables of the pinned data sections; read-only where the object is, and for constants. */
  get variables(): LiveVariables<Types> {
    return new Collection('variable', this.#variables.values(), this.#absent) as LiveVariables<Types>
  }

  /**
   * Looks whether there is a new generation, and moves to it; `true` if so. Done by itself where `follow` was asked for.
   *
   * @throws BpfError `ERR_NOT_PINNED` where the object was unpinned meanwhile; what is held stays open.
   */
  refresh(): boolean {
    if (this.#isClosed) throw new BpfError(`object '${this.name}' is closed`, { code: 'ERR_CLOSED' })
    using root = Root.find(this.#place.root, this.#options.owner)
    if (root && isCurrent(root, this.name, this.#generation)) return false
    const found = this.#open()
    if (!found) throw notPinned(this.#place)
    closeGeneration(this.#generation)
    this.#generation = found.generation
    this.#adopt(found.parts)
    this.#settle()
    return true
  }

  /** Closes all descriptors and mappings, and stops following; a second time does nothing. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#kept.end()
    this.#watcher?.close()
    closeAll(this.#sections, this.#maps.values(), this.#programs.values())
    closeGeneration(this.#generation)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Opens the generation that is there now, whole; its directory stays open to be known again. */
  #open(): { readonly generation: Generation; readonly parts: PinnedParts } | undefined {
    using root = Root.find(this.#place.root, this.#options.owner)
    for (;;) {
      const generation = root && openGeneration(root, this.name, this.#options.owner)
      if (!generation) return undefined
      try {
        return { generation, parts: openParts(generation, this.#options, this.#expected) }
      } catch (error) {
        const wasReplaced = !isCurrent(root, this.name, generation)
        closeGeneration(generation)
        if (!wasReplaced) throw error
      }
    }
  }

  /** Makes the things that users hold go on as those of a generation; what it has no more is closed. */
  #adopt({ maps, programs, links, btf }: PinnedParts): void {
    closeAll(this.#sections)
    replaceAll(this.#maps, maps)
    replaceAll(this.#programs, programs)
    const { variables, sections } = this.#expected
      ? liveVariables(this.#expected, this.#maps)
      : pinnedVariables(btf, [...this.#maps.values()])
    replaceAll(this.#variables, [...variables.values()])
    this.#sections = sections
    this.#links = links
    this.#kept.keep(this.#maps.values(), this.#programs.values(), [this.#generation.directory])
  }

  /** The exchange of a generation renames a directory in the root, which inotify reports. */
  #follow(): void {
    const directory = encodeObjectName(this.name)
    const { root } = this.#place
    try {
      this.#watcher = watchRoot(root, {
        onChange: file => {
          if (this.#isClosed) return
          if (file === directory) this.#move()
          else if (file === directory + nextSuffix) this.#tryToSettle()
        },
        onError: error => this.emit('error', error),
      })
    } catch (error) {
      // a root that was made for the object went with it: there is nothing to follow any more, which is told below
      if (!(error instanceof BpfError) || error.code !== 'ENOENT') throw error
    }
    // it may have been replaced before the watch began; told once there can be listeners
    queueMicrotask(() => {
      if (!this.#isClosed) this.#move()
    })
  }

  /** Tells the maps when programs of the generation before run no more: who reads their events has the last of them then. */
  #settle(): void {
    using root = Root.find(this.#place.root, this.#options.owner)
    if (root && isInTransition(root, this.name)) return
    for (const map of this.#maps.values()) map.settle()
  }

  /** Nobody would catch what a watcher throws. */
  #tryToSettle(): void {
    try {
      this.#settle()
    } catch (error) {
      this.emit('error', error as Error) // nothing but errors is thrown here
    }
  }

  /** What listeners throw is not caught, as of any emitter: nothing comes after them, so it ends nothing here. */
  #move(): void {
    let error: unknown
    try {
      if (!this.refresh()) return
    } catch (caught) {
      error = caught
    }
    if (error === undefined) this.emit('generation', this.generation)
    // nothing but errors is thrown there
    else if ((error as BpfError).code === 'ERR_NOT_PINNED') this.emit('unpinned')
    else this.emit('error', error as Error)
  }
}

interface Held<T> {
  readonly name: string
  become(other: T): void
  close?(): void
}

function replaceAll<T extends Held<T>>(held: Map<string, T>, fresh: readonly T[]): void {
  const gone = new Set(held.keys())
  for (const item of fresh) {
    gone.delete(item.name)
    const known = held.get(item.name)
    if (known) known.become(item)
    else held.set(item.name, item)
  }
  for (const name of gone) {
    held.get(name)?.close?.()
    held.delete(name)
  }
}

function notPinned({ root, name }: PinnedPlace): BpfError {
  const path = `${root}/${encodeObjectName(name)}`
  return new BpfError(`no object '${name}' is pinned at ${path}`, {
    code: 'ERR_NOT_PINNED',
    path,
    hint: 'see what is pinned: bpfpin ls',
  })
}
