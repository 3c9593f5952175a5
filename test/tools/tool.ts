// What the tests of tools have in common: a tool, attached, and the records that it wrote to its ring buffer.
import { setTimeout } from 'node:timers/promises'
import { type BpfMap, type BpfObject, type ObjectSpec, openObject } from '../../src/index.ts'
import { MappedMemory } from '../../src/syscall/memory.ts'
import { patience } from '../effort.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** A tool, loaded with what `prepare` sets, and attached. */
export function attached(name: string, prepare: (spec: ObjectSpec) => void = () => {}): BpfObject {
  const spec = openObject(new URL(`./${name}.bpf.o`, import.meta.url).pathname, { root })
  prepare(spec)
  const object = spec.load()
  try {
    object.attach()
  } catch (error) {
    object.close()
    throw error
  }
  return object
}

export function variable(object: BpfObject, name: string): unknown {
  return object.variables.get(name).get()
}

/** Sets constants of a tool before it is loaded. */
export function constants(
  values: Readonly<Record<string, number | bigint | boolean>>,
): (spec: ObjectSpec) => void {
  return spec => {
    for (const [name, value] of Object.entries(values)) spec.variables.get(name).set(value)
  }
}

const page = 4096
const busyBit = 0x8000_0000
const discardedBit = 0x4000_0000

/** The records in a ring buffer now, which are taken out of it (Documentation/bpf/ringbuf.rst). */
export function records(object: BpfObject, map = 'events'): Buffer[] {
  const ring = object.maps.get(map)
  const consumer = mapped(ring, page, { write: true })
  const producer = mapped(ring, page + 2 * ring.maxEntries, { offset: page })
  try {
    const position = (memory: MappedMemory): bigint => Buffer.from(memory.read(0, 8)).readBigUInt64LE()
    const found: Buffer[] = []
    let at = position(consumer)
    for (const end = position(producer); at < end; ) {
      const offset = page + Number(at % BigInt(ring.maxEntries))
      const head = Buffer.from(producer.read(offset, 8)).readUInt32LE()
      if (head >= busyBit) break
      const length = head & (discardedBit - 1)
      if ((head & discardedBit) === 0) found.push(Buffer.from(producer.read(offset + 8, length)))
      at += BigInt((length + 8 + 7) & ~7)
    }
    const back = Buffer.alloc(8)
    back.writeBigUInt64LE(at)
    consumer.write(0, back)
    return found
  } finally {
    consumer.close()
    producer.close()
  }
}

function mapped(ring: BpfMap, length: number, options: { write?: boolean; offset?: number }): MappedMemory {
  const memory = MappedMemory.map(ring.fd, length, options)
  if (typeof memory === 'number') throw new Error(`mapping ${ring.name}: errno ${-memory}`)
  return memory
}

/** Text up to its zero. */
export function textAt(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset)
  return bytes.toString('latin1', offset, end < 0 ? bytes.length : end)
}

/** Asks again until there is an answer, and fails if there is none. */
export async function eventually<T>(what: string, ask: () => T | undefined): Promise<T> {
  for (const end = performance.now() + patience(10_000); performance.now() < end; await setTimeout(20)) {
    const answer = ask()
    if (answer !== undefined && answer !== false) return answer
  }
  throw new Error(`waited in vain for ${what}`)
}
