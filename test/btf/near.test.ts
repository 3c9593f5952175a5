import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { didYouMean, nearNames } from '../../src/btf/index.ts'

const known = ['bytes', 'packets', 'Comm', 'flows', 'flow_stats', 'x', 'y']

const slips: readonly (readonly [string, readonly string[]])[] = [
  ['byte', ['bytes']],
  ['btyes', ['bytes']],
  ['bytess', ['bytes']],
  ['comm', ['Comm']],
  ['flow', ['flows', 'flow_stats']],
  ['packet', ['packets']],
  ['z', []],
  ['something', []],
]

for (const [name, near] of slips) {
  test(`near '${name}' is ${near.join(' and ') || 'nothing'}`, () => {
    assert.equal(nearNames(name, known), near)
  })
}

test('the end of a sentence lists what is near', () => {
  assert.is(didYouMean('flow', known), "; did you mean 'flows' or 'flow_stats'?")
  assert.is(didYouMean('z', known), '')
})

test('at most three names are near', () => {
  assert.is(nearNames('field', ['field1', 'field2', 'field3', 'field4']).length, 3)
})

test.run()
