import { BpfError } from '../errors.ts'
import {
  allocate,
  closeFd,
  type Mapping,
  type Memory,
  mapDelete,
  mapMemory,
  mapUpdate,
  notForgotten,
  perfEventOpen,
  systemError,
  whenForgotten,
} from '../syscall/index.ts'
import { type BufferClaim, claimBuffer } from './buffer-claim.ts'
import { onlineCpus, thisMachine } from './machine.ts'
import type { BpfMap } from './map.ts'
import { BatchMemory, batchSize, type RawCallback, type RecordRing } from './record-ring.ts'

// include/uapi/linux/perf_event.h: struct perf_event_mmap_page is followed by the data; a record is a header (u32 type, u16
// misc, u16 size) and what its type says. Head and tail only grow, and the head only over records that are whole.
const positionsOffset = 1024
const [headWord, tailWord] = [0, 1]
const recordType = { LOST: 2, SAMPLE: 9 } as const
const headerSize = 8
const PERF_TYPE_SOFTWARE = 1
const PERF_COUNT_SW_BPF_OUTPUT = 10
const PERF_SAMPLE_RAW = 1 << 10

const defaultBytes = 0x1_0000
const mostBytes = 2 ** 30

/**
 * The reading side of a BPF_MAP_TYPE_PERF_EVENT_ARRAY: a ring for each CPU that is online now, put into the map's slots. What
 * a program writes on another CPU is refused (ENOENT). A perf event array has one reader at a time, the last that was opened;
 * only one in the same thread is noticed.
 */
export class PerfBuffer implements RecordRing {
  readonly fds: readonly number[]
  readonly size: number
  offset = 0
  length = 0
  lost = 0
  readonly #claim: BufferClaim
  readonly #batch = new BatchMemory()
  #rings: readonly CpuRing[]
  /** The ring that the batch is from, and where in it the batch begins; in the batch: the next record, and the end. */
  #current = 0
  #base = 0
  #at = 0
  #end = 0

  /**
   * @param bytesPerCpu at least so many: the kernel takes a power of two of pages
   * @throws BpfError `ERR_IN_USE`, `ERR_READ_ONLY`, `ERR_VALUE` for a size that cannot be, or with the kernel's errno.
   */
  constructor(map: BpfMap, bytesPerCpu: number = defaultBytes) {
    const bytes = ringBytes(bytesPerCpu)
    this.#claim = claimBuffer(map, 'perf buffer')
    try {
      this.#rings = openRings(map, this.#claim.fd, bytes)
    } catch (error) {
      this.#claim.release()
      throw error
    }
    this.fds = this.#rings.map(({ fd }) => fd)
    this.size = bytes * this.#rings.length
  }

  get bytes(): Uint8Array {
    return this.#batch.bytes
  }

  get view(): DataView {
    return this.#batch.view
  }

  get cpu(): number | undefined {
    return this.#rings[this.#current]?.cpu
  }

  get closed(): boolean {
    return this.#rings.length === 0
  }

  get pending(): number {
    return this.#rings.reduce((sum, ring, i) => {
      const taken = i === this.#current ? this.#base + this.#at - ring.tail : 0
      return sum + available(ring) - taken
    }, 0)
  }

  next(): boolean {
    for (;;) {
      const at = this.#at
      const { view } = this.#batch
      const left = this.#end - at
      // a record that was cut off ends in the next batch
      const size = left < headerSize ? headerSize : Math.max(view.getUint16(at + 6, true), headerSize)
      if (size > left) {
        if (this.#fill()) continue
        return false
      }
      this.#at += size
      const type = view.getUint32(at, true)
      if (type === recordType.SAMPLE) {
        // PERF_SAMPLE_RAW: a u32 with the length, padding included, and so many bytes
        this.offset = at + headerSize + 4
        this.length = view.getUint32(at + headerSize, true)
        return true
      }
      // u64 id, u64 lost
      if (type === recordType.LOST) this.lost += Number(view.getBigUint64(at + headerSize + 8, true))
    }
  }

  takeRaw(use: RawCallback, limit: number): number {
    let taken = 0
    while (taken < limit && this.next()) {
      taken++
      use(this.bytes, this.offset, this.length, this.cpu)
    }
    return taken
  }

  release(): void {
    const ring = this.#rings[this.#current]
    const position = this.#base + this.#at
    if (!ring || ring.tail === position) return
    Atomics.store(ring.positions, tailWord, BigInt(position))
    ring.tail = position
  }

  close(): void {
    if (this.#rings.length === 0) return
    this.release()
    closeRings(this.#claim.fd, this.#rings)
    this.#rings = []
    this.#at = this.#end = 0
    this.#claim.release()
  }

  /** Copies what there is from the next CPU that has something; or more of this one, whose last record was cut off. */
  #fill(): boolean {
    this.release()
    const first = this.#at < this.#end ? this.#current : this.#current + 1
    const count = this.#rings.length
    this.#at = this.#end = 0
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count
      const ring = this.#rings[index]!
      this.#current = index
      this.#base = ring.tail
      const length = Math.min(available(ring), batchSize)
      if (length === 0) continue
      this.#batch.fit(length)
      copyOut(ring, this.#batch.bytes, length)
      this.#end = length
      return true
    }
    return false
  }
}

/** What the kernel writes for one CPU. */
interface CpuRing {
  readonly cpu: number
  readonly fd: number
  readonly mapping: Mapping
  readonly positions: BigUint64Array
  readonly data: Uint8Array
  /** How far the kernel knows that it was read. */
  tail: number
}

/** The kernel writes the head after the records (perf_output_put_handle), and Atomics.load reads it before them. */
function available({ positions, tail }: CpuRing): number {
  return Number(Atomics.load(positions, headWord)) - tail
}

/** A record that goes over the end goes on at the beginning. */
function copyOut({ data, tail }: CpuRing, into: Uint8Array, length: number): void {
  const start = tail % data.length
  const first = Math.min(length, data.length - start)
  into.set(data.subarray(start, start + first))
  if (first < length) into.set(data.subarray(0, length - first), first)
}

function ringBytes(wanted: number): number {
  if (!(wanted > 0 && wanted <= mostBytes)) {
    throw new BpfError(`${wanted} is no size of a perf buffer: it is a number of bytes up to ${mostBytes}`, {
      code: 'ERR_VALUE',
    })
  }
  let bytes = thisMachine().pageSize
  while (bytes < wanted) bytes *= 2
  return bytes
}

/** A ring for every CPU that is online and has a slot. */
function openRings(map: BpfMap, mapFd: number, bytes: number): CpuRing[] {
  const rings: CpuRing[] = []
  try {
    for (const cpu of onlineCpus()) if (cpu < map.maxEntries) rings.push(openRing(map, mapFd, cpu, bytes))
    return rings
  } catch (error) {
    closeRings(mapFd, rings)
    throw error
  }
}

function openRing(map: BpfMap, mapFd: number, cpu: number, bytes: number): CpuRing {
  const doing = `reading perf buffer '${map.name}' of CPU ${cpu}`
  const fd = perfEventOpen({
    ...{ type: PERF_TYPE_SOFTWARE, config: PERF_COUNT_SW_BPF_OUTPUT, sampleType: PERF_SAMPLE_RAW },
    ...{ samplePeriod: 1, wakeupEvents: 1, pid: -1, cpu },
  })
  if (fd < 0) throw systemError(fd, 'perf_event_open', { doing })
  const { pageSize } = thisMachine()
  const mapping = mapMemory(fd, pageSize + bytes, { write: true })
  if (typeof mapping === 'number') {
    closeFd(fd)
    const hint = `it takes ${bytes} bytes: see /proc/sys/kernel/perf_event_mlock_kb, or ask for less (bytesPerCpu)`
    throw systemError(mapping, 'mmap', { doing, hint })
  }
  const { buffer } = mapping
  const ring = {
    ...{ cpu, fd, mapping, tail: 0 },
    positions: new BigUint64Array(buffer, positionsOffset, 2),
    data: new Uint8Array(buffer, pageSize),
  }
  const { key, value } = slot(cpu, fd)
  const put = mapUpdate(mapFd, key, value, 0)
  if (put >= 0) {
    whenForgotten(ring, { what: `the reader of perf buffer '${map.name}'`, release: () => void closeFd(fd) })
    return ring
  }
  mapping.unmap()
  closeFd(fd)
  throw systemError(put, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing })
}

/** The slots are emptied first: a program on another CPU may be writing. */
function closeRings(mapFd: number, rings: readonly CpuRing[]): void {
  for (const { cpu, fd } of rings) mapDelete(mapFd, slot(cpu, fd).key)
  for (const ring of rings) {
    notForgotten(ring)
    ring.mapping.unmap()
    closeFd(ring.fd)
  }
}

function slot(cpu: number, fd: number): { readonly key: Memory; readonly value: Memory } {
  const [key, value] = [allocate(4), allocate(4)]
  new DataView(key.bytes.buffer).setUint32(0, cpu, true)
  new DataView(value.bytes.buffer).setUint32(0, fd, true)
  return { key, value }
}
