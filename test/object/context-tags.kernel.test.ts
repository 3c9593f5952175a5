// Functions that take the context of any program, on kernels that know their tag and on those that do not.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject } from '../../src/index.ts'
import { assumeContextTag } from '../../src/object/context-tag.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root')

/** How often and with what the tagged functions were called, by what the programs add up. */
function callsOf(object: BpfObject): unknown {
  const packet = { data: new Uint8Array(64) }
  for (const name of ['on_tc', 'on_xdp']) object.programs.get(name).run(packet)
  object.programs.get('on_raw_tp').run({ context: new Uint8Array(8) })
  return object.variables.get('calls').get()
}

onKernel('functions that take any context are loaded, whether the kernel knows their tag or not', () => {
  using object = openObject(fixture('context-tags')).load()
  assert.is(object.programs.size, 6)
  assert.is(callsOf(object), 113n)
})

onKernel('types that say what the tag says are enough for kernels that know the tag, too', () => {
  assumeContextTag(false)
  try {
    using object = openObject(fixture('context-tags')).load()
    assert.is(callsOf(object), 113n)
  } finally {
    assumeContextTag(undefined)
  }
})

test.run()
