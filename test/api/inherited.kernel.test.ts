import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enableStats, openMap, openObject, openPinned } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** What a program that this process starts has open, but for what it is given. */
function inherited(): string[] {
  const listed = execFileSync('sh', ['-c', 'ls -l /proc/$$/fd'], { encoding: 'utf8' })
  return listed.split('\n').flatMap(line => {
    const [, fd, target = ''] = / (\d+) -> (.*)$/.exec(line) ?? []
    return fd === undefined || Number(fd) < 3 ? [] : [target]
  })
}

needs(
  test,
  'root',
  'linux 6.1',
)('no program that is started gets a descriptor of ours', async () => {
  const before = inherited()
  const spec = openObject(fixture('events'), { root })
  const open: { close(): void }[] = []
  const mustBeAsBefore = (what: string): void => assert.equal(inherited(), before, what)
  const steps: Readonly<Record<string, () => void>> = {
    'load, attach, pin': () => void open.push(spec.upgrade()),
    'find again': () => void open.push(spec.loadPinned()),
    openPinned: () => void open.push(openPinned('events', { root, follow: true })),
    openMap: () => void open.push(openMap(`${root}/events/maps/samples`)),
    statistics: () => void open.push(enableStats()),
    readers() {
      const map = openMap(`${root}/events/maps/events`)
      const reader = map.events().unref()
      void reader.each(() => {})
      const samples = openMap(`${root}/events/maps/samples`)
      const other = samples.events().unref()
      void other.each(() => {})
      open.push(map, samples)
    },
    writer() {
      const map = openMap(`${root}/events/maps/orders`)
      map.writer()
      open.push(map)
    },
    upgrade() {
      spec.maps.get('events').maxEntries = 131_072
      open.push(spec.upgrade({ keepPrevious: true }))
    },
  }
  for (const [what, step] of Object.entries(steps)) {
    step()
    // readers listen from the next turn on
    await new Promise(resolve => setImmediate(resolve))
    mustBeAsBefore(what)
  }
  using last = spec.loadPinned()
  last.unpin()
  for (const item of open) item.close()
})

test.run()
