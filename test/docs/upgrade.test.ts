import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { compareSpecs } from '../../src/plan/against.ts'
import { verdictOf } from '../../src/plan/policy.ts'
import { declaredVerdicts, pairNames, pairObject } from '../plan/pairs.ts'

test('the table of changes has every pair once, with the verdict that it gets', () => {
  const verdicts = pairNames().map(pair => {
    const items = compareSpecs(
      openObject(pairObject(pair, 'old')).spec,
      openObject(pairObject(pair, 'new')).spec,
    )
    return [pair, verdictOf(items)]
  })
  assert.equal(declaredVerdicts().toSorted(), verdicts.toSorted())
})

test.run()
