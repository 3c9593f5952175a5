// How fast the entries of a map are carried into one with another layout: `node --import ./test/ts-hook.mjs
// bench/convert.ts [ENTRIES]`, as root, with gcc. The peer is a loop in C that makes the same calls and moves the same fields,
// once without and once with the snapshot that an upgrade keeps; in turn, medians of several rounds.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Conversion } from '../src/btf/index.ts'
import { copyEntries, createSnapshot, type LiveConversion } from '../src/pin/index.ts'
import type { MapShape } from '../src/plan/shape.ts'
import { mapTypes } from '../src/spec/kernel.ts'
import { allocate, closeFd, mapCreate, mapUpdateBatch, objPin, systemError } from '../src/syscall/index.ts'
import { onOwnBpffs } from './own-bpffs.ts'

const rounds = 5
const entries = Number(process.argv[2] ?? 1_000_000)

/** BPF_F_NO_PREALLOC */
const NO_PREALLOC = 1
const oldSize = 24
const newSize = 32
/** struct { u64 packets, bytes; u32 state; } -> struct { u64 bytes, packets; u32 state; u64 since; } */
const moves = [
  { op: 'bytes', from: 0, to: 8, size: 8 },
  { op: 'bytes', from: 8, to: 0, size: 8 },
  { op: 'bytes', from: 16, to: 16, size: 4 },
] as const
const value: Conversion = {
  ...{ fromSize: oldSize, toSize: newSize, littleEndian: true, operations: moves },
  pairs: ['packets', 'bytes', 'state'].map((path, i) => ({ path, copy: moves[i]!, merge: 'last' as const })),
}

await onOwnBpffs(measure)

function shapeOf(valueSize: number): MapShape {
  return { type: 'hash', keySize: 8, valueSize, maxEntries: entries, flags: NO_PREALLOC, mapExtra: 0 }
}

function create(shape: MapShape): number {
  const fd = mapCreate({
    ...{ type: mapTypes.hash, keySize: shape.keySize, valueSize: shape.valueSize },
    ...{ maxEntries: shape.maxEntries, flags: shape.flags },
  })
  if (fd < 0) throw systemError(fd, 'bpf(BPF_MAP_CREATE)', { doing: 'creating a map' })
  return fd
}

function fill(fd: number): void {
  const batch = 4096
  const keys = allocate(batch * 8)
  const values = allocate(batch * oldSize)
  const view = new DataView(keys.bytes.buffer, keys.bytes.byteOffset)
  for (let first = 0; first < entries; first += batch) {
    const count = Math.min(batch, entries - first)
    for (let i = 0; i < count; i++) view.setBigUint64(8 * i, BigInt(first + i), true)
    const result = mapUpdateBatch(fd, {
      ...{ inBatch: 0, outBatch: 0, keys: keys.address, values: values.address, count },
    })
    if (result < 0) throw systemError(result, 'bpf(BPF_MAP_UPDATE_BATCH)', { doing: 'filling a map' })
  }
}

function measure(root: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-peer-'))
  const peer = join(scratch, 'convert')
  const source = fileURLToPath(new URL('./peers/convert.c', import.meta.url))
  execFileSync('gcc', ['-O2', '-o', peer, source])
  const old = create(shapeOf(oldSize))
  fill(old)
  const pin = (fd: number, name: string): string => {
    const result = objPin(fd, `${root}/${name}`)
    if (result < 0) throw systemError(result, 'bpf(BPF_OBJ_PIN)', { doing: `pinning '${name}'` })
    return `${root}/${name}`
  }
  const oldPin = pin(old, 'old')
  const times = { ours: [] as number[], bare: [] as number[], snapshot: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.ours.push(ours(old))
    times.bare.push(theirs(peer, oldPin, pin, false))
    times.snapshot.push(theirs(peer, oldPin, pin, true))
  }
  closeFd(old)
  rmSync(scratch, { recursive: true })
  const rate = (ms: number): string => `${((entries / ms) * 1000).toFixed(0).padStart(10)} entries/s`
  const [own, bare, kept] = [median(times.ours), median(times.bare), median(times.snapshot)]
  console.log(`${entries} entries, medians of ${rounds} rounds`)
  console.log(`convert                ${rate(own)}`)
  console.log(`C loop                 ${rate(bare)}   ours x${(bare / own).toFixed(2)}`)
  console.log(`C loop with snapshot   ${rate(kept)}   ours x${(kept / own).toFixed(2)}`)
}

/** The first pass over all entries, and the one after it that finds nothing. */
function ours(old: number): number {
  const fd = create(shapeOf(newSize))
  const conversion: LiveConversion = {
    name: 'flows',
    old: { fd: old, shape: shapeOf(oldSize) },
    new: { fd, shape: shapeOf(newSize) },
    value,
  }
  const snapshot = createSnapshot(conversion)
  let last = 0
  const start = performance.now()
  copyEntries(conversion, snapshot, {
    onProgress: () => {
      last = performance.now()
    },
  })
  closeFd(snapshot)
  closeFd(fd)
  return last - start
}

function theirs(
  peer: string,
  oldPin: string,
  pin: (fd: number, name: string) => string,
  hasSnapshot: boolean,
): number {
  const names = hasSnapshot ? ['new', 'snapshot'] : ['new']
  const paths = names.map(name => {
    const fd = create(shapeOf(newSize))
    const path = pin(fd, name)
    closeFd(fd)
    return path
  })
  const ns = Number(execFileSync(peer, [oldPin, ...paths], { encoding: 'utf8' }))
  for (const path of paths) unlinkSync(path)
  return ns / 1e6
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
