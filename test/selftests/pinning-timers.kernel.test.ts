// After the kernel's selftest `pinning_htab`: a map whose elements hold timers gives them back when its last pin and
// descriptor go, and is gone then.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openMap, openObject } from '../../src/index.ts'
import { closeFd, mapGetFdById, progTestRun } from '../../src/syscall/index.ts'
import { patience } from '../effort.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const names = ['ready', 'on_demand']

function armed(): BpfObject {
  const object = openObject(fixture('pinning-timers'), { root }).load()
  const run = progTestRun(object.programs.get('start').fd, { dataIn: new Uint8Array(64) })
  assert.equal([run.result, run.returnValue], [0, 0])
  return object
}

/** The fixture's struct, as far as it is of use here: what maps decode to is cast to it. */
type Timed = { readonly fired: bigint }

const fired = (object: BpfObject, name: string): bigint => (object.maps.get(name).get(1) as Timed).fired

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patience(2000)
  while (!holds()) {
    assert.ok(performance.now() < end, what)
    await pause(10)
  }
}

function exists(map: number): boolean {
  const fd = mapGetFdById(map)
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}

needs(test, 'root')('timers go on in pinned maps, and end with the last that holds the map', async () => {
  const object = armed()
  const ids = names.map(name => object.maps.get(name).id)
  object.pin()
  object.close()
  const again = openObject(fixture('pinning-timers'), { root }).upgrade()
  assert.equal(
    names.map(name => again.maps.get(name).id),
    ids,
  )
  for (const name of names) {
    const before = fired(again, name)
    await until(`timers of '${name}' go on`, () => fired(again, name) > before)
  }
  again.unpin()
  assert.ok(ids.every(exists))
  again.close()
  await until('the maps are gone', () => !ids.some(exists))
})

needs(test, 'root')('a timer goes on while its map is held, though its program is gone', async () => {
  const object = armed()
  object.pin()
  using map = openMap(`${root}/pinning-timers/maps/ready`)
  object.unpin()
  object.close()
  const before = (map.get(1) as Timed).fired
  await until('the timer goes on', () => (map.get(1) as Timed).fired > before)
})

test.run()
