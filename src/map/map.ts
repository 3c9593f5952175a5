import type { Value as Decoded } from '../btf/index.ts'
import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { isOwned } from '../plan/map-families.ts'
import type { MapShape } from '../plan/shape.ts'
import { ENOENT, mapDelete, mapLookup, mapLookupAndDelete, mapUpdate, systemError } from '../syscall/index.ts'
import { type Batch, type KeyBatch, readBatches, walkKeyBatches } from './batches.ts'
import { EntryCodecs } from './entry-codecs.ts'
import { EntryMemory } from './entry-memory.ts'
import { type EventOptions, EventReader } from './event-reader.ts'
import type { EventType } from './event-types.ts'
import { evictionOf, flagsOf, lockOf } from './flags.ts'
import { mustHoldMaps, type OpenedInner, openInner } from './inner-map.ts'
import { doing, isAbsent, type MapOperation, mustBeAbleTo, mustBeOrdered, whyNot } from './kinds.ts'
import { countOf, deleteMany, pairOf, type Target, takeMany, writeMany } from './many.ts'
import { MapHandle } from './map-handle.ts'
import { MapMemory } from './map-memory.ts'
import { CallersBytes } from './raw-calls.ts'
import { RingWriter, type RingWriterOptions } from './ring-writer.ts'
import { mustBeOpened, withOwner } from './storage-owner.ts'
import type { BufferUser, Entry, GetOptions, SetMode, SetOptions } from './types.ts'

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
> extends MapHandle {
  #codecs: EntryCodecs | undefined
  #memory: EntryMemory | undefined
  #rawKey: CallersBytes | undefined
  #rawValue: CallersBytes | undefined
  #inner: OpenedInner | undefined
  #users: Set<BufferUser> | undefined

  /**
   * The value of a key, or `undefined` where the map has none; of an LPM trie that of the longest prefix of the key. Maps of maps and program arrays give the kernel's number of what is there,
   * as `map.id` and `program.id` say it ({@link openInner} opens it), maps of sockets their cookies.
   *
   * @throws BpfError `ERR_VALUE` for a key that does not fit its type, `ERR_UNSUPPORTED` where no map of its type can be read.
   */
  get(key: KeyInput, options?: GetOptions): Value | undefined {
    if (mustBeOpened(key) && isOwned(this.type)) return withOwner(key, fd => this.get(asKey(fd), options))
    const memory = this.#open()
    if (this.type === 'bloom_filter') mustBeAbleTo(this, 'read')
    memory.putKey(key)
    const result = mapLookup(this.fd, memory.keyOrNone, memory.value, lockOf(options))
    if (result === ENOENT) return undefined
    if (result < 0) throw this.#failed('read', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
    return typed(memory.takeValue())
  }

  /**
   * Is there an entry of that key? In a bloom filter: was the value put into it? `false` is certain, `true` is probable.
   *
   * @throws BpfError as {@link get}.
   */
  has(key: KeyInput): boolean {
    if (mustBeOpened(key) && isOwned(this.type)) return withOwner(key, fd => this.has(asKey(fd)))
    const memory = this.#open()
    if (this.type === 'bloom_filter') memory.putValue(key)
    else memory.putKey(key)
    const result = mapLookup(this.fd, memory.keyOrNone, memory.value)
    if (result < 0 && result !== ENOENT) throw this.#failed('read', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
    return result >= 0
  }

  /**
   * Writes an entry. Per-CPU maps take an array with a value for every possible CPU. What holds maps, programs, sockets, cgroups or perf events
   * takes a descriptor, or what has one.
   *
   * @throws BpfError `ERR_VALUE` for a key or value that does not fit its type, `ERR_READ_ONLY`, E2BIG for a full map,
   * EPERM for one that is frozen.
   */
  set(key: KeyInput, value: ValueInput, options: SetMode | SetOptions = 'any'): void {
    if (mustBeOpened(key) && isOwned(this.type)) {
      withOwner(key, fd => this.set(asKey(fd), value, options))
      return
    }
    this.#mustBeWritable()
    const memory = this.#open()
    // first what is likelier to have getters, which may use the map, too
    memory.putValue(value)
    memory.putKey(key)
    const result = mapUpdate(this.fd, memory.keyOrNone, memory.value, flagsOf(options))
    if (result < 0) throw this.#failed('write', result, 'bpf(BPF_MAP_UPDATE_ELEM)')
  }

  /** Removes an entry; `false` where there was none. */
  delete(key: KeyInput): boolean {
    if (mustBeOpened(key) && isOwned(this.type)) return withOwner(key, fd => this.delete(asKey(fd)))
    this.#mustBeWritable()
    const memory = this.#open()
    memory.putKey(key)
    const result = mapDelete(this.fd, memory.key)
    if (isAbsent(this.type, result)) return false
    if (result < 0) throw this.#failed('delete', result, 'bpf(BPF_MAP_DELETE_ELEM)')
    return true
  }

  /** Reads an entry and deletes it, with nothing in between; hashes since Linux 5.14. `undefined` where there is none. */
  take(key: KeyInput): Value | undefined {
    const memory = this.#open()
    memory.putKey(key)
    return this.#takeOut(memory)
  }

  /**
   * Puts an element into a queue, a stack or a bloom filter.
   *
   * @param options `evict`: a full queue or stack drops its oldest element for it
   * @throws BpfError E2BIG where it is full.
   */
  push(value: ValueInput, options?: { readonly evict?: boolean }): void {
    if (this.type !== 'bloom_filter') mustBeOrdered(this, 'push')
    this.#mustBeWritable()
    const memory = this.#open()
    memory.putValue(value)
    const result = mapUpdate(this.fd, null, memory.value, evictionOf(options))
    if (result < 0) throw this.#failed('write', result, 'bpf(BPF_MAP_UPDATE_ELEM)')
  }

  /** Takes out the oldest element of a queue, the newest of a stack; `undefined` where it is empty. Linux 4.20. */
  pop(): Value | undefined {
    mustBeOrdered(this, 'pop')
    return this.#takeOut(this.#open())
  }

  /** The element that {@link pop} would take out, which stays; `undefined` where it is empty. Linux 4.20. */
  peek(): Value | undefined {
    mustBeOrdered(this, 'peek')
    const memory = this.#open()
    const result = mapLookup(this.fd, null, memory.value)
    if (result === ENOENT) return undefined
    if (result < 0) throw this.#failed('read', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
    return typed(memory.takeValue())
  }

  /**
   * Opens the map that is in this one; `undefined` where there is none. The caller closes it. Types are those that the kernel keeps of it.
   *
   * @throws BpfError `ERR_UNSUPPORTED` for what is no map of maps, EPERM without CAP_SYS_ADMIN.
   */
  openInner(key: KeyInput): BpfMap | undefined {
    mustHoldMaps(this.name, this.type)
    for (let tries = 0; tries < mostReplaced; tries++) {
      const id = this.get(key)
      if (typeof id !== 'number') return undefined
      const opened = openInner(id, this.name, this.readOnly, this.#inner)
      // replaced meanwhile, and gone
      if (!opened) continue
      this.#inner = opened
      return new BpfMap(opened.init).keptAlone()
    }
    return undefined
  }

  /**
   * As {@link get}, in bytes as the kernel has them, of all CPUs one after another in per-CPU maps (each in a multiple of 8 bytes).
   * Nothing is copied or made where the same arrays are given again and again.
   *
   * @param into takes the value: as many bytes as it has; without, a new array does
   */
  getRaw(key: Uint8Array, into?: Uint8Array, options?: GetOptions): Uint8Array | undefined {
    const { valueSize } = this.#codecsOf()
    const value = into ?? new Uint8Array(valueSize)
    const [keyBytes, valueBytes] = [this.#takeRawKey(key), this.#takeRawValue(value)]
    const result = mapLookup(this.fd, keyBytes, valueBytes, lockOf(options))
    if (result === ENOENT) return undefined
    if (result < 0) throw this.#failed('read', result, 'bpf(BPF_MAP_LOOKUP_ELEM)')
    return value
  }

  /** As {@link set}, in bytes; see {@link getRaw}. */
  setRaw(key: Uint8Array, value: Uint8Array, options: SetMode | SetOptions = 'any'): void {
    this.#mustBeWritable()
    const [keyBytes, valueBytes] = [this.#takeRawKey(key), this.#takeRawValue(value)]
    const result = mapUpdate(this.fd, keyBytes, valueBytes, flagsOf(options))
    if (result < 0) throw this.#failed('write', result, 'bpf(BPF_MAP_UPDATE_ELEM)')
  }

  /**
   * A key of an LPM trie of IP addresses as text, `'10.0.0.0/8'` or `'2001:db8::/32'`, as all that takes a key takes it, too;
   * `undefined` where keys are something else.
   */
  keyText(key: KeyInput): string | undefined {
    return this.#codecsOf().keyText(key)
  }

  /** All keys, as {@link entries}, also where values cannot be read. */
  *keys(): IterableIterator<Key> {
    const codecs = this.#codecsOf()
    const here = this.#place()
    for (const { keys, count } of this.#keyBatches()) {
      const view = new DataView(keys.bytes.buffer)
      for (let i = 0; i < count; i++) {
        yield typed(codecs.takeKey(view, i * codecs.keySize))
        this.#mustBeAt(here)
      }
    }
  }

  /** All values, as {@link entries}. */
  *values(options?: GetOptions): IterableIterator<Value> {
    for (const [, value] of this.entries(options)) yield value
  }

  /**
   * All entries, in the kernel's order, read in batches (up to 4096). An entry that stays is there exactly once, one that comes or
   * goes meanwhile at most once, and the walk always ends; values are as they were when their batch was read.
   *
   * @throws BpfError `ERR_UNSUPPORTED` where maps of its type cannot be walked through, `ERR_MOVED` where it became that of a new
   * generation meanwhile, `ERR_CLOSED` where it was closed. Batches need Linux 5.6, without them it is slower.
   */
  *entries(options?: GetOptions): IterableIterator<[key: Key, value: Value]> {
    const codecs = this.#codecsOf()
    const here = this.#place()
    for (const { keys, values, count } of this.#batches(options)) {
      const [keyView, valueView] = [new DataView(keys.bytes.buffer), new DataView(values.bytes.buffer)]
      for (let i = 0; i < count; i++) {
        const key: Key = typed(codecs.takeKey(keyView, i * codecs.keySize))
        yield [key, typed(codecs.takeValue(valueView, i * codecs.valueSize))]
        this.#mustBeAt(here)
      }
    }
  }

  /** As {@link entries}, in bytes as {@link getRaw} gives them, which are good until the next step. */
  *entriesRaw(options?: GetOptions): IterableIterator<[key: Uint8Array, value: Uint8Array]> {
    const { keySize, valueSize } = this.#codecsOf()
    const here = this.#place()
    for (const { keys, values, count } of this.#batches(options)) {
      for (let i = 0; i < count; i++) {
        const key = keys.bytes.subarray(i * keySize, (i + 1) * keySize)
        yield [key, values.bytes.subarray(i * valueSize, (i + 1) * valueSize)]
        this.#mustBeAt(here)
      }
    }
  }

  [Symbol.iterator](): IterableIterator<[key: Key, value: Value]> {
    return this.entries()
  }

  /**
   * Writes many entries with few calls, in the order given; what is written before an error stays written, and the error says how many
   * those are. The result is how many there were. Batches need Linux 5.6, without them it is slower.
   */
  setAll(
    entries: Iterable<readonly [key: KeyInput, value: ValueInput]>,
    options: SetMode | SetOptions = 'any',
  ): number {
    this.#mustBeWritable()
    if (isOwned(this.type)) {
      return countOf(entries, entry => {
        const [key, value] = pairOf(entry)
        this.set(key, value, options)
      })
    }
    return writeMany(this.#target('write'), entries, flagsOf(options))
  }

  /** Deletes many entries with few calls; the result is how many of the keys were there. */
  deleteAll(keys: Iterable<KeyInput>): number {
    this.#mustBeWritable()
    if (isOwned(this.type)) return countOf(keys, key => this.delete(key))
    return deleteMany(this.#target('delete'), keys)
  }

  /**
   * Reads all entries and deletes them, each with nothing in between: what programs add meanwhile is either in the result
   * or still in the map. Hashes, by batches since Linux 5.6.
   */
  takeAll(): [key: Key, value: Value][] {
    this.#mustBeWritable()
    // the one place where the types of a skeleton and those of BTF meet, for all entries at once
    return takeMany(this.#target('take')) as [Key, Value][]
  }

  /**
   * Maps an array with BPF_F_MMAPABLE into memory, which programs and every process that does so share: reading and writing its
   * slots takes no system call. Close it, or the map stays alive with it. Linux 5.5.
   *
   * @throws BpfError `ERR_UNSUPPORTED` for other maps, `ERR_READ_ONLY` where the map was opened for reading only.
   */
  memory(): MapMemory<Value, ValueInput> {
    return new MapMemory(this, this.#codecsOf())
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
  events<T>(options?: EventOptions): EventReader<T> {
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
  writer<T = Decoded>(options?: RingWriterOptions): RingWriter<T> {
    const users = (this.#users ??= new Set())
    const writer = new RingWriter<T>(this, options, closed => users.delete(closed))
    users.add(writer)
    return writer
  }

  /** Closes the descriptor, and ends who reads or writes its records; a second time does nothing. */
  override close(): void {
    if (this.#users) closeAll(this.#users)
    super.close()
  }

  /** Another descriptor of the same map, under a name of its own; the caller closes it. */
  duplicate(name: string = this.name): BpfMap<Key, Value, KeyInput, ValueInput> {
    return new BpfMap<Key, Value, KeyInput, ValueInput>(this.copyOf(name)).keptAlone()
  }

  /** @internal Closes its descriptor and goes on as another map, which is closed by that. */
  override become(other: BpfMap): void {
    super.become(other)
    this.#codecs = undefined
    this.#memory = undefined
    this.#rawKey = undefined
    this.#rawValue = undefined
    for (const user of this.#users ?? []) user.follow(this)
  }

  /** @internal No program uses the map any more that this one was before {@link become}. */
  settle(): void {
    for (const user of this.#users ?? []) user.settle?.()
  }

  #batches(options?: GetOptions): IterableIterator<Batch> {
    mustBeAbleTo(this, 'walk')
    mustBeAbleTo(this, 'read')
    const flags = lockOf(options)
    return readBatches(this.fd, this.shape, `map '${this.name}'`, { first: firstBatch, flags })
  }

  #keyBatches(): Iterable<KeyBatch> {
    if (whyNot(this.shape, 'read') === undefined) return this.#batches()
    mustBeAbleTo(this, 'walk')
    return walkKeyBatches(this.fd, this.shape, `map '${this.name}'`)
  }

  #place(): Place {
    return { fd: this.fd, shape: this.shape }
  }

  /** Between two steps of a walk the map may be closed, and its descriptor be that of something else. */
  #mustBeAt({ fd, shape }: Place): void {
    if (this.fd === fd && this.shape === shape) return
    throw new BpfError(`map '${this.name}' became that of a new generation while it was walked through`, {
      code: 'ERR_MOVED',
      hint: 'begin again',
    })
  }

  #takeOut(memory: EntryMemory): Value | undefined {
    this.#mustBeWritable()
    const result = mapLookupAndDelete(this.fd, memory.keyOrNone, memory.value)
    if (result === ENOENT) return undefined
    if (result < 0) throw this.#failed('take', result, 'bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM)')
    return typed(memory.takeValue())
  }

  #target(operation: MapOperation): Target {
    mustBeAbleTo(this, operation)
    return {
      name: this.name,
      shape: this.shape,
      codecs: this.#codecsOf(),
      fd: () => this.fd,
      failed: (result, syscall, done) => this.#failed(operation, result, syscall, ` (after ${done} entries)`),
    }
  }

  #takeRawKey(key: Uint8Array): CallersBytes | null {
    if (this.keySize === 0) return null
    this.#rawKey ??= new CallersBytes(`key of map '${this.name}'`, this.keySize)
    return this.#rawKey.take(key)
  }

  #takeRawValue(value: Uint8Array): CallersBytes {
    this.#rawValue ??= new CallersBytes(`value of map '${this.name}'`, this.#codecsOf().valueSize)
    return this.#rawValue.take(value)
  }

  #mustBeWritable(): void {
    if (!this.readOnly) return
    throw new BpfError(`map '${this.name}' was opened for reading only`, { code: 'ERR_READ_ONLY' })
  }

  #open(): EntryMemory {
    return (this.#memory ??= new EntryMemory(this.#codecsOf()))
  }

  #codecsOf(): EntryCodecs {
    return (this.#codecs ??= new EntryCodecs(this.name, this.shape, this.types))
  }

  /** Where no map of its type can do it the kernel's reason is of no use, and differs by version. */
  #failed(operation: MapOperation, result: number, syscall: string, detail = ''): BpfError {
    mustBeAbleTo(this, operation)
    return systemError(result, syscall, { doing: `${doing[operation]} map '${this.name}'${detail}` })
  }
}

/** Where a walk began. */
interface Place {
  readonly fd: number
  readonly shape: MapShape
}

/** So often a map may be replaced by another while it is being opened. */
const mostReplaced = 1000

/** Entries of the first batch of a walk. */
const firstBatch = 64

/** A descriptor is a key of all storage that belongs to something. */
function asKey<T extends Entry>(fd: number): T {
  return fd as Entry as T
}

/** What is decoded by BTF has the type that the skeleton was generated for: `openEmbedded` and `openPinnedAs` see to that. */
function typed<T extends Entry>(entry: Entry): T {
  return entry as T // the one place where the types of a skeleton and those of BTF meet
}
