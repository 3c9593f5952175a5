import { type BpfMap, type BpfObject, openObject } from '../../src/index.ts'
import type { Given, Operation, Outcome } from './operation.ts'

// an interface is not taken for a value of any type
type Flow = {
  readonly packets: bigint
  readonly bytes: bigint
  readonly state: number
  readonly mark: number
}

/** Work on the N entries of one hash, key by key or in batches, as values or as bytes; all of them are there already. */
export const access: Readonly<Record<string, Operation>> = {
  get: given => on(given, get),
  'get-raw': given => on(given, getRaw),
  set: given => on(given, set),
  'set-raw': given => on(given, setRaw),
  'batch-read': given => on(given, map => readAll(map)),
  'batch-read-raw': given => on(given, map => readAllRaw(map)),
  'batch-write': given => on(given, setAll),
}

let opened: { readonly file: string; readonly object: BpfObject; readonly n: number } | undefined

function on({ file, n }: Given, work: (map: BpfMap, n: number) => bigint): Outcome {
  if (opened?.file !== file || opened.n !== n) {
    opened?.object.close()
    const object = openObject(file).load()
    opened = { file, object, n }
    set(object.maps.get('flows'), n)
  }
  const map = opened.object.maps.get('flows')
  const start = process.hrtime.bigint()
  const sum = work(map, n)
  return [process.hrtime.bigint() - start, String(sum)]
}

function get(map: BpfMap, n: number): bigint {
  let sum = 0n
  for (let key = 0; key < n; key++) {
    const flow = map.get(key) as unknown as Flow
    sum += flow.packets + flow.bytes
  }
  return sum
}

function flowOf(key: number): Flow {
  return { packets: BigInt(key), bytes: BigInt(key * 1500), state: key & 7, mark: 0 }
}

function set(map: BpfMap, n: number): bigint {
  for (let key = 0; key < n; key++) map.set(key, flowOf(key))
  return BigInt(n)
}

function setAll(map: BpfMap, n: number): bigint {
  return BigInt(map.setAll(Array.from({ length: n }, (_, key) => [key, flowOf(key)] as const)))
}

function readAll(map: BpfMap): bigint {
  let sum = 0n
  for (const [, value] of map) {
    const flow = value as unknown as Flow
    sum += flow.packets + flow.bytes
  }
  return sum
}

// Numbers up to 2^53 are exact, and so are 10,000 entries of these: the raw forms take and put the lower halves.

function getRaw(map: BpfMap, n: number): bigint {
  const key = new Uint32Array(1)
  const flow = new Uint32Array(6)
  const [keyBytes, bytes] = [new Uint8Array(key.buffer), new Uint8Array(flow.buffer)]
  let sum = 0
  for (key[0] = 0; key[0] < n; key[0]++) {
    if (!map.getRaw(keyBytes, bytes)) throw new Error(`no flow ${key[0]}`)
    sum += flow[0]! + flow[2]!
  }
  return BigInt(sum)
}

function setRaw(map: BpfMap, n: number): bigint {
  const key = new Uint32Array(1)
  const flow = new Uint32Array(6)
  const [keyBytes, bytes] = [new Uint8Array(key.buffer), new Uint8Array(flow.buffer)]
  for (let i = 0; i < n; i++) {
    key[0] = i
    flow[0] = i
    flow[2] = i * 1500
    flow[4] = i & 7
    map.setRaw(keyBytes, bytes)
  }
  return BigInt(n)
}

function readAllRaw(map: BpfMap): bigint {
  let sum = 0
  for (const [, value] of map.entriesRaw()) sum += lowerHalf(value, 0) + lowerHalf(value, 8)
  return BigInt(sum)
}

function lowerHalf(bytes: Uint8Array, at: number): number {
  return bytes[at]! + bytes[at + 1]! * 0x100 + bytes[at + 2]! * 0x1_0000 + bytes[at + 3]! * 0x100_0000
}
