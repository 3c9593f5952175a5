// Variables in an arena: memory that programs and processes share, at one address.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'linux 6.9')

/** At an address that no process of this system uses. */
const fixed = (): ObjectSpec => {
  const spec = openObject(fixture('arena'), { root })
  spec.maps.get('memory').mapExtra = 2 ** 44
  return spec
}

onKernel(
  'variables in an arena start with what the source says, and programs and this process share them',
  () => {
    const spec = openObject(fixture('arena'))
    spec.variables.get('pair').set({ first: 3, second: 30n })
    using object = spec.load()
    const value = (name: string): unknown => object.variables.get(name).get()
    assert.equal([value('started'), value('pair'), value('hidden')], [41, { first: 3, second: 30n }, 7n])
    assert.is(value('text'), 'at the start')
    assert.is(object.programs.get('count').run().returnValue, 42)
    assert.equal([value('started'), value('pair'), value('hidden')], [42, { first: 3, second: 37n }, 8n])
    object.variables.get('started').set(100)
    assert.is(object.programs.get('count').run().returnValue, 101)
  },
)

onKernel(
  'an arena whose address is given is found pinned with what is in it, and used by another version',
  () => {
    const first = fixed().upgrade()
    first.programs.get('count').run()
    first.close()
    using second = fixed().upgrade()
    assert.ok(second.wasFound)
    assert.is(second.variables.get('started').get(), 42)
    const { id } = second.maps.get('memory')
    second.close()
    const changed = fixed()
    changed.programs.get('count').flags |= 1 << 3 // BPF_F_TEST_STATE_FREQ: other code, as a plan sees it
    using third = changed.upgrade()
    assert.is(third.upgraded?.maps.find(({ name }) => name === 'memory')?.action, 'reuse')
    assert.equal([third.maps.get('memory').id, third.variables.get('started').get()], [id, 42])
    assert.is(third.programs.get('count').run().returnValue, 43)
    third.unpin()
  },
)

onKernel('an arena that chose its own address has its variables in the process that made it only', () => {
  const first = openObject(fixture('arena'), { root }).upgrade()
  using second = openObject(fixture('arena'), { root }).upgrade()
  assert.ok(second.wasFound)
  const error = failure(() => second.variables.get('started').get())
  assert.is(error.syscall, 'mmap')
  assert.match(error.hint ?? '', 'map_extra')
  second.unpin()
  first.close()
})

onKernel('what is too small for its variables, or would end the process, is refused', () => {
  const small = openObject(fixture('arena'))
  small.maps.get('memory').maxEntries = 1
  const error = failure(() => small.load())
  assert.is(error.code, 'ERR_VALUE')
  // text[5000] alone is more than a page
  assert.match(error.message, /arena 'memory' has 4096 bytes \(1 pages\), and its variables take 5\d\d\d/)
  const spec = openObject(fixture('arena'))
  spec.maps.get('memory').flags |= 1 << 17 // BPF_F_SEGV_ON_FAULT
  assert.match(failure(() => spec.load()).message, "the variables in arena 'memory' cannot be reached")
})

test.run()
