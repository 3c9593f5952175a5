// struct_ops maps that are pinned: found again, switched to another version, put back and taken out.
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { watchSteps } from '../../src/pin/apply.ts'
import { listObject, Root, unpinObject } from '../../src/pin/index.ts'
import type { Step } from '../../src/plan/steps.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'linux 6.4')

const tree = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter(name => !name.endsWith('.debug')).sort()
/** The names are the whole system's, on which this test may run several times at once: at most 15 bytes. */
const nameOf = (letter: string): string => `bpfpin_${letter}${process.pid}`
const [linkedName, plainName, newName] = ['L', 'P', 'N'].map(nameOf) as [string, string, string] // one a letter
const registered = (): string[] =>
  readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8')
    .trim()
    .split(' ')
    .filter(name => name.startsWith('bpfpin') && name.endsWith(String(process.pid)))

/** Version 2 has another function in the struct. */
const version = (which: 1 | 2, name = linkedName): ObjectSpec => {
  const spec = openObject(fixture('struct-ops'), { root })
  const { structOps } = spec.maps.get('linked')
  structOps?.set('name', name)
  if (which === 2) structOps?.set('cong_avoid', 'on_cong_avoid_2')
  return spec
}
const mapOf = (object: BpfObject): number => {
  const info = object.links.get('linked').info()
  return info.kind === 'struct_ops' ? info.mapId : 0
}

onKernel('a link of a struct_ops map is pinned, listed, and found again by the same object only', () => {
  const first = version(1).upgrade()
  assert.ok(tree().includes('struct-ops/links/linked'))
  const ids = [first.links.get('linked').id, first.maps.get('linked').id]
  first.close()
  assert.equal(registered(), [linkedName])
  using second = version(1).upgrade()
  assert.ok(second.wasFound)
  assert.equal([second.links.get('linked').id, second.maps.get('linked').id], ids)
  assert.is(mapOf(second), ids[1])
  using open = Root.find(root)
  const link = open && listObject(open, 'struct-ops')?.links[0]
  assert.equal(
    [link?.name, link?.type, link?.target, link?.dead],
    ['linked', 'struct_ops', `tcp_congestion_ops ${linkedName}`, false],
  )
  using reader = openPinned('struct-ops', { root, readOnly: true })
  assert.ok(reader.maps.has('linked'))
  assert.match(failure(() => version(2).loadPinned()).message, "map 'linked': cong_avoid")
  second.unpin()
  assert.equal([registered(), tree()], [[], []])
})

onKernel('another version takes the place in the same link, and a rollback puts the first one back', () => {
  using first = version(1).upgrade()
  const { id } = first.links.get('linked')
  const plan = version(2).plan()
  const [planned] = plan.links
  assert.equal([planned?.name, planned?.action, plan.gaps], ['linked', 'update', []])
  assert.match(planned?.promise ?? '', 'switched in place: no gap')
  assert.equal(plan.maps.find(({ name }) => name === 'linked')?.reasons, [
    { field: 'cong_avoid', wanted: 'on_cong_avoid_2', pinned: 'on_cong_avoid' },
  ])
  using second = version(2).upgrade({ keepPrevious: true })
  assert.is(second.links.get('linked').id, id)
  assert.is(mapOf(second), second.maps.get('linked').id)
  assert.is.not(mapOf(second), first.maps.get('linked').id)
  assert.equal(registered(), [linkedName])
  second.rollback()
  using back = version(1).upgrade()
  assert.ok(back.wasFound)
  assert.equal([back.links.get('linked').id, mapOf(back)], [id, first.maps.get('linked').id])
  back.unpin()
})

onKernel('what is registered under another name stands beside the old one until that goes', () => {
  using first = version(1).upgrade()
  const plan = version(1, newName).plan()
  assert.equal(
    plan.links.map(({ action, verdict }) => [action, verdict]),
    [['overlap', 'changed']],
  )
  first.close()
  using second = version(1, newName).upgrade()
  assert.equal(registered(), [newName])
  second.unpin()
  assert.equal(registered(), [])
})

/** A call that ends after a number of steps, as if the process had been killed there; `false` if it has fewer. */
function stoppedAfter(steps: number, run: () => void): boolean {
  let done = 0
  const stop = new Error('stopped')
  watchSteps((_: Step) => {
    if (++done === steps) throw stop
  })
  try {
    run()
    return false
  } catch (error) {
    if (error !== stop) throw error
    return true
  } finally {
    watchSteps(undefined)
  }
}

onKernel(
  'an upgrade that stops after any step leaves one of the two registered, and the next call finishes it',
  () => {
    let current: 1 | 2 = 1
    version(1).upgrade().close()
    for (let steps = 1; ; steps++) {
      const next: 1 | 2 = current === 1 ? 2 : 1
      if (!stoppedAfter(steps, () => version(next).upgrade().close())) {
        assert.ok(steps > 10, `${steps} steps`)
        break
      }
      assert.equal(registered(), [linkedName], `step ${steps}`)
      using object = version(next).upgrade()
      assert.is(mapOf(object), object.maps.get('linked').id, `step ${steps}`)
      assert.equal(
        tree().filter(name => name.includes('~next')),
        [],
        `step ${steps}`,
      )
      current = next
    }
    using last = version(current === 1 ? 2 : 1).upgrade()
    last.unpin()
    assert.equal([registered(), tree()], [[], []])
  },
)

onKernel('a link whose struct was taken out is dead, and made anew', () => {
  const first = version(1).upgrade()
  // BPF_LINK_DETACH of struct_ops is in Linux 6.11
  if (!first.links.get('linked').detach()) {
    first.unpin()
    first.close()
    return
  }
  first.close()
  assert.equal(registered(), [])
  using second = version(1).upgrade()
  assert.equal(registered(), [linkedName])
  second.unpin()
})

needs(test, 'root')('what has no link cannot be pinned; told to, it stays registered by this process', () => {
  const plain = (): ObjectSpec => {
    const spec = openObject(fixture('struct-ops'), { root })
    spec.maps.get('linked').autocreate = false
    spec.maps.get('plain').autocreate = true
    spec.maps.get('plain').structOps?.set('name', plainName)
    return spec
  }
  const error = failure(() => plain().upgrade())
  assert.is(error.code, 'ERR_UNPINNABLE')
  assert.match(error.message, "link 'plain' cannot be pinned: its map is registered without a link")
  assert.equal([registered(), tree()], [[], []])
  const kept = plain()
  const { structOps } = kept.maps.get('plain')
  if (structOps) structOps.link.pinPath = null
  const object = kept.upgrade()
  assert.equal(registered(), [plainName])
  // another process finds it registered already
  const found = kept.upgrade()
  assert.ok(found.wasFound)
  assert.ok(found.links.get('plain').alive)
  // another version takes its place, and who only unpins takes it out, too
  const changed = plain()
  const other = changed.maps.get('plain').structOps
  if (other) other.link.pinPath = null
  other?.set('cong_avoid', 'on_cong_avoid_2')
  const upgraded = changed.upgrade()
  assert.ok(upgraded.links.get('plain').alive)
  assert.is(registered().length, 1)
  found.close()
  object.close()
  assert.equal(registered(), [plainName])
  using open = Root.find(root)
  if (open) unpinObject(open, 'struct-ops')
  assert.equal([registered(), tree()], [[], []])
  upgraded.close()
})

test.run()
