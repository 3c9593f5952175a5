import { type Codec, createCodec, type Value as Decoded, type TypeId } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { hasSlots, isPerCpu } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import { mapTypes } from '../spec/kernel.ts'
import {
  allocate,
  closeFd,
  duplicateFd,
  type Memory,
  mapDelete,
  mapGetNextKey,
  mapInfo,
  mapLookup,
  mapUpdate,
  systemError,
} from '../syscall/index.ts'
import { type EventOptions, EventReader } from './event-reader.ts'
import type { EventType } from './event-types.ts'
import { thisMachine } from './machine.ts'
import { RingWriter, type RingWriterOptions } from './ring-writer.ts'
import type { Entry, MapTypes } from './types.ts'

const ENOENT = -2

/** What a live map is made from. */
export interface MapInit {
  /** The descriptor, which the map owns from now on. */
  readonly fd: number
  /** Name in the object, or the kernel's where there is no object. */
  readonly name: string
  readonly shape: MapShape
  /** Or where they are to be had, when somebody asks. */
  readonly types?: MapTypes | (() => MapTypes | undefined) | undefined
  /** Kernel id, where it is known already. */
  readonly id?: number | undefined
  /** Of a map that this process made: the how-manieth. */
  readonly turn?: number
  /** Opened so that only reading is possible. */
  readonly readOnly?: boolean
}

/** Whoever reads or writes records of a map. */
interface BufferUser {
  close(): void
  follow(map: BpfMap): void
  settle?(): void
}

/** When {@link BpfMap.set} may write. */
export type SetMode = 'any' | 'create' | 'replace'

const setFlags: Readonly<Record<SetMode, number>> = { any: 0, create: 1, replace: 2 }

/**
 * A map that the kernel holds, and a descriptor of it. Keys and values are decoded by BTF where it is known, else they
 * are bytes. Close it when it is no longer needed; the map itself lives as long as a pin, program or process holds it.
 *
 * A typed skeleton (`bpfpin gen`) says what they are: `Key` and `Value` are what is read, `KeyInput` and `ValueInput` what
 * is taken, as a 64-bit integer may also be given as a number, and a union by one of its members.
 */
export class BpfMap<
  Key extends Entry = Entry,
  Value extends Entry = Entry,
  KeyInput extends Entry = Key,
  ValueInput extends Entry = Value,
> {
  readonly name: string
  #kernel: MapInit
  #fd: number
  #id: number | undefined
  #access: Access | undefined
  #users: Set<BufferUser> | undefined

  constructor(init: MapInit) {
    this.name = init.name
    this.#kernel = init
    this.#fd = init.fd
    this.#id = init.id
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
    return this.#id === undefined ? this.#kernel.turn : undefined
  }

  /** @internal Is told its id, which is known from elsewhere. */
  learn(id: number): void {
    this.#id = id
  }

  get shape(): MapShape {
    return this.#kernel.shape
  }

  get types(): MapTypes | undefined {
    const { types } = this.#kernel
    if (typeof types !== 'function') return types
    this.#kernel = { ...this.#kernel, types: types() }
    return this.types
  }

  /** Was it opened so that only reading is possible? */
  get readOnly(): boolean {
    return this.#kernel.readOnly ?? false
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
  info(): ReturnType<typeof mapInfo> & object {
    const info = mapInfo(this.fd)
    if (typeof info === 'number')
      throw this.#failed('reading information about', info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)')
    return info
  }

  /** The value of a key, or `undefined` where the map has none. */
  get(key: KeyInput): Value | undefined {
    const access = this.#open()
    access.putKey(key)
    const result = mapLookup(this.fd, access.keyOrNone, access.value)
    if (result === ENOENT) return undefined
    if (result < 0) throw this.#failed('reading', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
    return typed(access.takeValue())
  }

  has(key: KeyInput): boolean {
    return this.get(key) !== undefined
  }

  /**
   * Writes an entry. Per-CPU maps take an array with a value for every possible CPU.
   *
   * @param mode `'create'`: fails with EEXIST where the key is there; `'replace'`: with ENOENT where it is not
   * @throws BpfError `ERR_VALUE` for a key or value that does not fit its type, E2BIG for a full map.
   */
  set(key: KeyInput, value: ValueInput, mode: SetMode = 'any'): void {
    this.#mustBeWritable()
    const access = this.#open()
    access.putKey(key)
    access.putValue(value)
    const result = mapUpdate(this.fd, access.keyOrNone, access.value, setFlags[mode])
    if (result < 0) throw this.#failed('writing to', result, 'bpf(BPF_MAP_UPDATE_ELEM)')
  }

  /** Removes an entry; `false` where there was none. */
  delete(key: KeyInput): boolean {
    this.#mustBeWritable()
    const access = this.#open()
    access.putKey(key)
    const result = mapDelete(this.fd, access.key)
    if (result === ENOENT) return false
    if (result < 0) throw this.#failed('deleting from', result, 'bpf(BPF_MAP_DELETE_ELEM)')
    return true
  }

  /** All keys, in the kernel's order. Keys that come or go meanwhile may or may not be among them. */
  *keys(): IterableIterator<Key> {
    for (const access of this.#walk()) yield typed(access.takeKey())
  }

  /** All entries, as {@link keys}; an entry that goes before it is read is left out. */
  *entries(): IterableIterator<[key: Key, value: Value]> {
    for (const access of this.#walk()) {
      const key: Key = typed(access.takeKey())
      const result = mapLookup(this.fd, access.keyOrNone, access.value)
      if (result === ENOENT) continue
      if (result < 0) throw this.#failed('reading', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
      yield [key, typed(access.takeValue())]
    }
  }

  [Symbol.iterator](): IterableIterator<[key: Key, value: Value]> {
    return this.entries()
  }

  /**
   * Reads what programs write to it, a ring buffer or a perf event array. The reader goes on when the map becomes that of a new generation
   * (`follow`): what is in the old one comes first. It ends when the map is closed.
   *
   * @throws BpfError `ERR_UNSUPPORTED` for other types of maps, `ERR_IN_USE` where this thread reads it already,
   * `ERR_UNKNOWN_NAME` for a type that the object does not have. Ring buffers: Linux 5.8.
   * @example for await (const event of map.events({ type: 'event' })) console.log(event)
   */
  events<T = Decoded>(options: EventOptions & { readonly type: EventType }): EventReader<T>
  events<T = Uint8Array>(options?: EventOptions): EventReader<T>
  events<T>(options: EventOptions = {}): EventReader<T> {
    const users = (this.#users ??= new Set())
    const reader = new EventReader<T>(this, options, closed => users.delete(closed))
    if (!reader.closed) users.add(reader)
    return reader
  }

  /**
   * Writes records for programs, to a user ring buffer. The writer is closed with the map, and goes on with that of a new
   * generation (`follow`).
   *
   * @throws BpfError `ERR_UNSUPPORTED` for other types of maps, `ERR_IN_USE` where this thread writes to it already,
   * `ERR_UNKNOWN_NAME` for a type that the object does not have. Linux 6.1.
   * @example map.writer({ type: 'order' }).write({ number: 1n })
   */
  writer<T = Decoded>(options: RingWriterOptions = {}): RingWriter<T> {
    const users = (this.#users ??= new Set())
    const writer = new RingWriter<T>(this, options, closed => users.delete(closed))
    users.add(writer)
    return writer
  }

  /** Closes the descriptor, and ends who reads or writes its records; a second time does nothing. */
  close(): void {
    for (const user of this.#users ?? []) user.close()
    this.#closeDescriptor()
  }

  #closeDescriptor(): void {
    if (this.#fd < 0) return
    closeFd(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Another descriptor of the same map, under a name of its own; the caller closes it. */
  duplicate(name: string = this.name): BpfMap<Key, Value, KeyInput, ValueInput> {
    const fd = duplicateFd(this.fd)
    if (fd < 0) throw this.#failed('opening another descriptor of', fd, 'fcntl')
    return new BpfMap({ ...this.#kernel, fd, name, id: this.#id })
  }

  /** @internal Closes its descriptor and goes on as another map, which is closed by that. */
  become(other: BpfMap): void {
    this.#closeDescriptor()
    this.#kernel = other.#kernel
    this.#fd = other.#fd
    this.#id = other.#id
    this.#access = undefined
    other.#fd = -1
    for (const user of this.#users ?? []) user.follow(this)
  }

  /** @internal No program uses the map any more that this one was before {@link become}. */
  settle(): void {
    for (const user of this.#users ?? []) user.settle?.()
  }

  /** Takes one step to the next key at a time, with memory of its own: two walks do not disturb each other. */
  *#walk(): IterableIterator<Access> {
    const access = new Access(this)
    const kernel = this.#kernel
    let seen = 0
    let last: Memory | null = null
    // a map whose keys are deleted while we walk starts over (kernel/bpf/hashtab.c: htab_map_get_next_key): stop then
    const most = this.maxEntries === 0 ? Number.POSITIVE_INFINITY : this.maxEntries
    while (seen++ < most) {
      const result = mapGetNextKey(this.fd, last, access.nextKey)
      if (result === ENOENT) return
      if (result < 0) throw this.#failed('walking through', result, 'bpf(BPF_MAP_GET_NEXT_KEY)')
      access.key.bytes.set(access.nextKey.bytes)
      last = access.key
      yield access
      // the memory of this walk has the sizes of the map that it began with
      if (kernel.fd !== this.#kernel.fd || kernel.shape !== this.#kernel.shape) throw this.#moved()
    }
  }

  #mustBeWritable(): void {
    if (!this.readOnly) return
    throw new BpfError(`map '${this.name}' was opened for reading only`, { code: 'ERR_READ_ONLY' })
  }

  #moved(): BpfError {
    return new BpfError(`map '${this.name}' became that of a new generation while it was walked through`, {
      code: 'ERR_MOVED',
      hint: 'begin again',
    })
  }

  #open(): Access {
    return (this.#access ??= new Access(this))
  }

  #failed(doing: string, result: number, syscall: string): BpfError {
    return systemError(result, syscall, { doing: `${doing} map '${this.name}'` })
  }
}

/** What is decoded by BTF has the type that the skeleton was generated for: `specFromEmbedded` and `pinnedLikeEmbedded` see to that. */
function typed<T extends Entry>(entry: Entry): T {
  return entry as T // the one place where the types of a skeleton and those of BTF meet
}

/** Memory for one key and one value, and the codecs between it and JavaScript values. */
class Access {
  readonly key: Memory
  readonly nextKey: Memory
  readonly value: Memory
  /** What map calls take for a key: null in maps that have none. */
  readonly keyOrNone: Memory | null
  readonly #map: BpfMap
  readonly #keyCodec: Codec | undefined
  readonly #valueCodec: Codec | undefined
  /** Bytes from one CPU's value to the next; 0 in maps that are not per CPU. */
  readonly #stride: number

  constructor(map: BpfMap) {
    const { keySize, valueSize, types } = map
    const isPerCpuMap = isPerCpu(map.type)
    this.#map = map
    this.#stride = isPerCpuMap ? (valueSize + 7) & ~7 : 0
    this.key = allocate(keySize)
    this.keyOrNone = keySize === 0 ? null : this.key
    this.nextKey = allocate(keySize)
    this.value = allocate(isPerCpuMap ? this.#stride * thisMachine().possibleCpus : valueSize)
    this.#keyCodec = codecOf(types, types?.key, keySize, 'key') ?? (hasSlots(map) ? indexCodec : undefined)
    this.#valueCodec = codecOf(types, types?.value, valueSize, 'value')
  }

  putKey(key: Entry): void {
    this.#put(key, this.#keyCodec, this.key.bytes, 'key')
  }

  putValue(value: Entry): void {
    if (this.#stride === 0) {
      this.#put(value, this.#valueCodec, this.value.bytes, 'value')
      return
    }
    const cpus = this.value.bytes.length / this.#stride
    if (!Array.isArray(value) || value.length !== cpus) {
      throw this.#misfit('value', `an array with the values of ${cpus} CPUs`)
    }
    this.value.bytes.fill(0)
    for (let cpu = 0; cpu < cpus; cpu++) this.#put(value[cpu], this.#valueCodec, this.#ofCpu(cpu), 'value')
  }

  takeKey(): Entry {
    return this.#keyCodec ? this.#keyCodec.decode(this.key.bytes) : this.key.bytes.slice()
  }

  takeValue(): Entry {
    const codec = this.#valueCodec
    if (this.#stride === 0) return codec ? codec.decode(this.value.bytes) : this.value.bytes.slice()
    const cpus = this.value.bytes.length / this.#stride
    return Array.from({ length: cpus }, (_, cpu) => {
      const bytes = this.#ofCpu(cpu)
      return codec ? codec.decode(bytes) : bytes.slice()
    })
  }

  #ofCpu(cpu: number): Uint8Array {
    return this.value.bytes.subarray(cpu * this.#stride, cpu * this.#stride + this.#map.valueSize)
  }

  #put(entry: Entry | undefined, codec: Codec | undefined, into: Uint8Array, part: 'key' | 'value'): void {
    // a map without keys takes anything for one
    if (into.length === 0) return
    if (entry instanceof Uint8Array) {
      if (entry.length !== into.length) throw this.#misfit(part, `${into.length} bytes, got ${entry.length}`)
      into.set(entry)
    } else if (codec && entry !== undefined) {
      codec.encode(entry, into)
    } else {
      throw this.#misfit(part, `${into.length} bytes as a Uint8Array: its type is not known`)
    }
  }

  #misfit(part: string, wanted: string): BpfError {
    return new BpfError(`a ${part} of map '${this.#map.name}' is ${wanted}`, { code: 'ERR_VALUE' })
  }
}

const indexCodec: Codec = {
  size: 4,
  decode: bytes => new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4))[0] ?? 0,
  encode(value, bytes) {
    const index = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN
    if (!Number.isInteger(index) || index < 0 || index > 0xffffffff) {
      throw new BpfError(`${String(value)} is not the index of a slot`, { code: 'ERR_VALUE' })
    }
    new Uint8Array(bytes.buffer, bytes.byteOffset, 4).set(new Uint8Array(new Uint32Array([index]).buffer))
  },
}

/** A codec only where the type is as large as the map's part: anything else was not made for this map. */
function codecOf(
  types: MapTypes | undefined,
  id: TypeId | undefined,
  size: number,
  what: 'key' | 'value',
): Codec | undefined {
  if (!types || !id || size === 0) return undefined
  const codec = createCodec(types.btf, id, what)
  return codec.size === size ? codec : undefined
}

/** The number of a map type for BPF_MAP_CREATE. */
export function mapTypeNumber(type: MapShape['type']): number {
  return Object.hasOwn(mapTypes, type)
    ? mapTypes[type as keyof typeof mapTypes]
    : Number(type.replace('type ', ''))
}
