import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { areRuns, numbersOf, runsOf } from '../../src/plan/runs.ts'

test('numbers that follow each other are one run, and zeros are', () => {
  assert.equal(runsOf([]), [])
  assert.equal(runsOf([7, 8, 9, 11, 0, 0, 1, 2]), [
    [7, 3],
    [11, 1],
    [0, 2],
    [1, 2],
  ])
})

test('any numbers are read back', () => {
  for (const numbers of [
    [],
    [0],
    [0, 1],
    [1, 0, 1],
    [5, 4, 3],
    [7, 7],
    [0xffff_fffe, 0xffff_ffff, 0],
    [1, 2, 0, 0, 3],
  ]) {
    assert.equal([...numbersOf(runsOf(numbers), numbers.length)!], numbers)
  }
})

test('runs of more or of fewer numbers than there are things are none', () => {
  assert.is(numbersOf([[7, 2]], 1), undefined)
  assert.is(numbersOf([[7, 2]], 3), undefined)
  assert.is(numbersOf([[0, 0xffff_ffff]], 3), undefined)
})

test('what is no list of runs of 32 bits is told', () => {
  assert.ok(areRuns([[0xffff_ffff, 1]]))
  for (const wrong of [
    null,
    {},
    'x',
    [7],
    [[7]],
    [[7, 1, 1]],
    [[7, 0]],
    [[-1, 1]],
    [[1.5, 1]],
    [['7', 1]],
    [[0xffff_ffff, 2]],
  ]) {
    assert.not(areRuns(wrong), JSON.stringify(wrong))
  }
})

test.run()
