// After the kernel's selftest `pinning_devmap_reuse`: the kernel adds a flag to maps of devices by itself
// (kernel/bpf/devmap.c: dev_map_init_map), and they are reused nevertheless.
import { renameSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, PinMismatchError } from '../../src/index.ts'
import { Root } from '../../src/pin/index.ts'
import { renameFile, renameFlag } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const load = (): BpfObject => openObject(fixture('pinning-devices'), { root, layout: 'libbpf' }).load()

function exchange(one: string, other: string): void {
  using directory = Root.open(root, 0o700)
  assert.is(renameFile(one, other, renameFlag.EXCHANGE, directory.fd), 0)
}

onKernel('maps of devices are reused, and refused once each is at the place of the other', () => {
  const first = load()
  first.pin()
  const ids = [...first.maps].map(({ id }) => id)
  using second = load()
  assert.equal(
    [...second.maps].map(({ id }) => id),
    ids,
  )
  first.close()
  exchange('one', 'two')
  const error = failure(() => load())
  assert.instance(error, PinMismatchError)
  // the class was just asserted
  const { verdicts } = error as PinMismatchError
  assert.equal(
    verdicts.map(item => [item.name, item.kind === 'map' && item.reasons]),
    [
      [
        'one',
        [{ field: 'maxEntries', wanted: '1', pinned: '2', note: 'how many entries there are is not known' }],
      ],
      ['two', [{ field: 'maxEntries', wanted: '2', pinned: '1' }]],
    ],
  )
  exchange('one', 'two')
  using found = openObject(fixture('pinning-devices'), { root, layout: 'libbpf' }).upgrade()
  found.unpin()
})

onKernel('maps that changed places are not unpinned', () => {
  using object = load()
  object.pin()
  exchange('one', 'two')
  const { removed, left } = object.unpin()
  assert.is(removed, 0)
  assert.equal(
    left.map(({ path }) => path),
    [`${root}/one`, `${root}/two`],
  )
  renameSync(`${root}/one`, `${root}/three`)
  for (const name of ['two', 'three']) rmSync(`${root}/${name}`)
})

test.run()
