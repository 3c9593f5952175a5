import { BpfError } from '../errors.ts'
import type { MapShape } from '../plan/shape.ts'
import {
  closeFd,
  duplicateFd,
  Keeper,
  type NamedMapInfo,
  namedMapInfo,
  systemError,
} from '../syscall/index.ts'
import type { MapInit, MapTypes } from './types.ts'

/** Which map it is, and a descriptor of it. */
export class MapHandle {
  readonly name: string
  #fd: number
  #shape: MapShape
  #types: MapInit['types']
  #id: number | undefined
  #turn: number | undefined
  #readOnly: boolean
  #keeper: Keeper | undefined

  constructor({ name, fd, shape, types, id, turn, readOnly = false }: MapInit) {
    this.name = name
    this.#fd = fd
    this.#shape = shape
    this.#types = types
    this.#id = id
    this.#turn = turn
    this.#readOnly = readOnly
  }

  /** @throws BpfError `ERR_CLOSED` after {@link close}. */
  get fd(): number {
    if (this.#fd < 0) throw new BpfError(`map '${this.name}' is closed`, { code: 'ERR_CLOSED' })
    return this.#fd
  }

  get closed(): boolean {
    return this.#fd < 0
  }

  /** The kernel's number for the map: equal ids are the same map. */
  get id(): number {
    this.#id ??= this.info().id
    return this.#id
  }

  /** @internal Its turn among the maps that this process made, while its id is not known; else `undefined`. */
  get unknownTurn(): number | undefined {
    return this.#id === undefined ? this.#turn : undefined
  }

  /** @internal Is told its id, which is known from elsewhere. */
  learn(id: number): void {
    this.#id = id
  }

  get shape(): MapShape {
    return this.#shape
  }

  get types(): MapTypes | undefined {
    if (typeof this.#types === 'function') this.#types = this.#types()
    return this.#types
  }

  /** Was it opened so that only reading is possible? */
  get readOnly(): boolean {
    return this.#readOnly
  }

  /** Map type by its kernel name: `'hash'`. */
  get type(): MapShape['type'] {
    return this.shape.type
  }

  /** Bytes. */
  get keySize(): number {
    return this.shape.keySize
  }

  /** Bytes; in per-CPU maps of one CPU's value. */
  get valueSize(): number {
    return this.shape.valueSize
  }

  get maxEntries(): number {
    return this.shape.maxEntries
  }

  /** What the kernel says of the map. */
  info(): NamedMapInfo {
    const info = namedMapInfo(this.fd)
    if (typeof info === 'number')
      throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
        doing: `reading information about map '${this.name}'`,
      })
    return info
  }

  /** Closes the descriptor; a second time does nothing. */
  close(): void {
    this.#closeDescriptor()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Has its descriptor closed when it and all that belong to it were collected. */
  keptBy(keeper: Keeper): void {
    if (this.#keeper !== keeper) this.#keeper?.closed(this.#fd)
    this.#keeper = keeper
  }

  /** @internal As {@link keptBy}, by itself. */
  keptAlone(): this {
    const keeper = new Keeper(`map '${this.name}'`)
    keeper.keep([this.fd])
    this.keptBy(keeper)
    return this
  }

  /** @internal Closes its descriptor and goes on as another map, which is closed by that. */
  become(other: MapHandle): void {
    this.#closeDescriptor()
    this.#fd = other.#fd
    this.#shape = other.#shape
    this.#types = other.#types
    this.#id = other.#id
    this.#turn = other.#turn
    this.#readOnly = other.#readOnly
    other.#keeper?.closed(other.#fd)
    other.#fd = -1
  }

  /** What another handle of the map is made from, with a descriptor of its own. */
  protected copyOf(name: string): MapInit {
    const fd = duplicateFd(this.fd)
    if (fd < 0) throw systemError(fd, 'fcntl', { doing: `opening another descriptor of map '${this.name}'` })
    const [shape, types, id, readOnly] = [this.#shape, this.#types, this.#id, this.#readOnly]
    return { fd, name, shape, types, id, turn: this.#turn, readOnly }
  }

  #closeDescriptor(): void {
    if (this.#fd < 0) return
    this.#keeper?.closed(this.#fd)
    closeFd(this.#fd)
    this.#fd = -1
  }
}
