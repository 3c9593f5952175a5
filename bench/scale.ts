// How the cost of an object grows with its maps: `node --import ./test/ts-hook.mjs bench/scale.ts`, as root. Prints the
// median time a map of each operation for objects of 1,024 and 4,096 maps, and by how much four times the maps cost
// more in all.
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BpfObject, type ObjectSpec, openObject } from '../src/index.ts'

const sizes = [1024, 4096] as const
const rounds = 7
const operations = ['open', 'load', 'pin', 'find again', 'reuse', 'unpin', 'close'] as const
type Operation = (typeof operations)[number]

const root = process.env.BPFPIN_BENCH_ROOT
if (root === undefined) runOnOwnBpffs()
else measure(root)

/** In a mount namespace of its own, so that nothing of the machine is touched. */
function runOnOwnBpffs(): void {
  const place = mkdtempSync(join(tmpdir(), 'bpfpin-bench-'))
  const command = 'mount -t bpf bpf "$0" && exec "$@"'
  const self = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)]
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', command, place, ...self], {
    stdio: 'inherit',
    env: { ...process.env, BPFPIN_BENCH_ROOT: place },
  })
}

function measure(root: string): void {
  const times = new Map<string, number[]>()
  // rounds of both sizes in turn: what slows the machine slows both
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes) {
      for (const [operation, ms] of runOnce(root, size)) {
        const key = `${operation} ${size}`
        times.set(key, [...(times.get(key) ?? []), ms])
      }
    }
  }
  console.log(
    `${'operation'.padEnd(12)}${sizes.map(size => `us/map at ${size}`.padStart(18)).join('')}   in all`,
  )
  for (const operation of operations) {
    const [few = 0, many = 0] = sizes.map(size => median(times.get(`${operation} ${size}`) ?? []))
    const perMap = [few / sizes[0], many / sizes[1]].map(ms => (ms * 1000).toFixed(2).padStart(18))
    console.log(`${operation.padEnd(12)}${perMap.join('')}   x${(many / few).toFixed(1)}`)
  }
}

function runOnce(root: string, size: number): [Operation, number][] {
  const results: [Operation, number][] = []
  const time = <T>(operation: Operation, run: () => T): T => {
    const start = performance.now()
    const result = run()
    results.push([operation, performance.now() - start])
    return result
  }
  const path = fileURLToPath(new URL(`../test/fixtures/maps-${size}.bpf.o`, import.meta.url))
  const spec: ObjectSpec = time('open', () => openObject(path, { root }))
  const first: BpfObject = time('load', () => spec.load())
  // what is not attached, upgrade() would attach
  first.attach()
  time('pin', () => first.pin())
  time('close', () => first.close())
  const again = time('find again', () => spec.upgrade())
  again.close()
  const reused = time('reuse', () => spec.load())
  reused.close()
  const last = spec.upgrade()
  time('unpin', () => last.unpin())
  last.close()
  return results
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
