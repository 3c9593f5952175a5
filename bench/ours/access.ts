import { type BpfMap, type BpfObject, openObject } from '../../src/index.ts'
import type { Given, Operation, Outcome } from './operation.ts'

interface Flow {
  readonly packets: bigint
  readonly bytes: bigint
  readonly state: number
  readonly mark: number
}

/** Work on the N entries of one hash, key by key or in batches, as values or as bytes; all of them are there already. */
export const access: Readonly<Record<string, Operation>> = {
  get: given => on(given, (map, n) => get(map, n)),
  set: given => on(given, (map, n) => set(map, n)),
  entries: given => on(given, map => walk(map)),
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

function set(map: BpfMap, n: number): bigint {
  for (let key = 0; key < n; key++) {
    map.set(key, { packets: BigInt(key), bytes: BigInt(key * 1500), state: key & 7, mark: 0 })
  }
  return BigInt(n)
}

function walk(map: BpfMap): bigint {
  let sum = 0n
  for (const [, value] of map) {
    const flow = value as unknown as Flow
    sum += flow.packets + flow.bytes
  }
  return sum
}
