// Maps that the object fills with maps and programs.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

/** A slot of a map of maps reads as the id of what is in it (kernel/bpf/map_in_map.c: bpf_map_fd_sys_lookup_elem). */
const idIn = (entry: unknown): number => Number(entry)

needs(test, 'root')(
  'a hash of maps gets the inner maps at the keys that the source says, static ones too',
  () => {
    using object = openObject(fixture('map-slots')).load()
    const { maps } = object
    const slots = Array.from(maps.get('by_key'), ([key, value]) => [key, idIn(value)] as const)
    assert.equal(
      new Map(slots),
      new Map([
        [2, maps.get('second').id],
        [5, maps.get('third').id],
        [6, maps.get('first').id],
      ]),
    )
  },
)

needs(test, 'root')('a program array leads to static programs of its object', () => {
  const spec = openObject(fixture('map-slots'))
  using object = spec.load()
  assert.is(object.programs.get('jump').run().returnValue, 2)
})

needs(test, 'root')('a slot whose map or program is left out is refused by name, not left empty', () => {
  const withoutMap = openObject(fixture('map-slots'))
  withoutMap.maps.get('third').autocreate = false
  assert.match(failure(() => withoutMap.load()).message, "slot 5 of map 'by_key': map 'third' is not created")
  const withoutProgram = openObject(fixture('map-slots'))
  withoutProgram.programs.get('one').autoload = false
  assert.match(
    failure(() => withoutProgram.load()).message,
    "slot 1 of map 'jumps': program 'one' is not loaded",
  )
})

test.run()
