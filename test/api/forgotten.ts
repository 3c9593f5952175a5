// A process of its own (node --expose-gc) that forgets what it opened: `forgotten.ts ROOT WHAT`. Prints how many descriptors and
// mappings there were before and after, and the warnings.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BpfMap, enableStats, openMap, openObject, openPinned } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const [root = '', what = ''] = process.argv.slice(2)
const { gc } = globalThis as { gc?: () => void }
const warnings: unknown[] = []
process.on('warning', warning => warnings.push([(warning as { code?: string }).code, warning.message]))

function descriptors(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return /bpf|perf/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false
    }
  }).length
}

const mappings = (): number =>
  readFileSync('/proc/self/maps', 'utf8').match(/bpf-map|perf_event/g)?.length ?? 0

let held: BpfMap | undefined
const spec = openObject(fixture('events'), { root })
spec.programs.get('write_samples').autoattach = false

/** Each leaves nothing behind that anybody could close. */
const open: Readonly<Record<string, () => void>> = {
  object: () => void spec.load().variables.get('written').get(),
  map() {
    held = spec.load().maps.get('events')
  },
  pinned: () => void openPinned('events', { root }).variables.get('written').get(),
  openMap: () => void openMap(`${root}/events/maps/events`),
  duplicate() {
    using object = spec.load()
    object.maps.get('events').duplicate()
  },
  reader() {
    for (const name of ['events', 'samples'])
      openMap(`${root}/events/maps/${name}`)
        .events()
        .take(() => {})
    openMap(`${root}/events/maps/orders`).writer()
  },
  statistics: () => void enableStats(),
  closed: () => openPinned('events', { root }).close(),
}

async function collect(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    gc?.()
    await sleep(10)
  }
}

const before = { descriptors: descriptors(), mappings: mappings() }
for (let i = 0; i < (what === 'reader' ? 1 : 5); i++) open[what]!()
const opened = descriptors()
await collect()
// what is held works still
const size = held?.info().maxEntries
held = undefined
await collect()
console.log(
  JSON.stringify({
    before,
    opened,
    after: { descriptors: descriptors(), mappings: mappings() },
    warnings,
    size,
  }),
)
