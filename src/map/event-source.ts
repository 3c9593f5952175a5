import { BpfError } from '../errors.ts'
import type { EventOptions } from './event-reader.ts'
import { type Decode, eventDecoder } from './event-types.ts'
import type { BpfMap } from './map.ts'
import { PerfBuffer } from './perf-buffer.ts'
import type { RecordRing } from './record-ring.ts'
import { RingBuffer } from './ring-buffer.ts'

/** A ring, and how its records are decoded. */
export interface Source {
  readonly map: number
  readonly ring: RecordRing
  readonly decode: Decode
}

/**
 * @throws BpfError `ERR_UNSUPPORTED` for a map that holds no events; what the kernel refuses.
 */
export function openSource(map: BpfMap, options: EventOptions): Source {
  const decode = eventDecoder(map, options.type)
  if (map.type === 'ringbuf') return { map: map.id, ring: new RingBuffer(map), decode }
  if (map.type === 'perf_event_array')
    return { map: map.id, ring: new PerfBuffer(map, options.bytesPerCpu), decode }
  throw new BpfError(`map '${map.name}' holds no events: it is of type ${map.type}`, {
    code: 'ERR_UNSUPPORTED',
    hint: 'events are read from maps of type ringbuf and perf_event_array',
  })
}
