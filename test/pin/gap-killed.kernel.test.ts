// A link that must go before its successor can be made: an XDP link that changes its mode.
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { bundled } from '../bundled.ts'
import { Network } from '../link/network.ts'
import { commandPath, needs } from '../requirements.ts'
import { removeCgroup, treeOf, type Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'ip', 'nsenter', 'bpftool')
const script = await bundled(new URL('./gap.ts', import.meta.url))
let network: Network | undefined

/** What a process printed that upgrades, in the network namespace; `undefined` where it was killed. */
function upgraded(version: Version, { step = 0, gap = 'gap' } = {}): unknown {
  const args = [process.execPath, ...script, root, String(version), String(step), gap]
  const child = spawnSync('nsenter', [`--net=${network?.path}`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  return child.signal === 'SIGKILL' ? undefined : JSON.parse(child.stdout)
}

function unpin(): unknown {
  using open = Root.find(root)
  return open && unpinObject(open, 'steady')
}

/** The program of a link, by bpftool. */
function programOf(link: number): number {
  return JSON.parse(execFileSync('bpftool', ['-j', 'link', 'show', 'id', String(link)], { encoding: 'utf8' }))
    .prog_id
}

/** The manifest, the pins and the kernel agree on every link. */
function mustAgree(links: unknown, text: string): void {
  using object = openPinned('steady', { root })
  const listed = [...object.links].map(({ name, id }) => [name, id, true])
  assert.equal(listed, links, text)
  for (const { name, id } of object.links) assert.is(programOf(id), object.programs.get(name).id, text)
  const tree = treeOf(root)
  assert.not(
    tree.some(name => name.includes('~next') || name.includes('~draft')),
    `${text}: ${tree.join(' ')}`,
  )
}

test.before(async () => {
  // without it every test is skipped
  if (commandPath('ip') !== undefined) network = await Network.make()
})
test.after(async () => {
  await network?.close()
  removeCgroup()
})

onKernel('a link that must go first is refused unless a gap is allowed, and nothing is changed', () => {
  const before = upgraded(1)
  const tree = treeOf(root)
  assert.is(upgraded(2, { gap: 'none' }), 'ERR_GAP')
  assert.equal(treeOf(root), tree)
  mustAgree(before, 'refused')
  unpin()
  assert.equal(treeOf(root), [])
})

onKernel('a link that was made after a gap is found again by its id, and goes with its object', () => {
  upgraded(1)
  const links = upgraded(2)
  mustAgree(links, 'upgraded')
  assert.equal(upgraded(2), links)
  assert.equal(unpin(), { removed: 6, left: [], stillAttached: [] })
  assert.equal(treeOf(root), [])
})

onKernel('an upgrade with a gap that is killed after any step is finished by the next call', () => {
  upgraded(1)
  let version: Version = 1
  let step = 1
  for (; ; step++) {
    version = version === 1 ? 2 : 1
    if (upgraded(version, { step }) !== undefined) break
    mustAgree(upgraded(version), `step ${step}`)
  }
  assert.ok(step > 25, `${step} steps`)
  unpin()
  assert.equal(treeOf(root), [])
})

test.run()
