import { existsSync, readFileSync } from 'node:fs'
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

test('every test that the page names is there', () => {
  const project = new URL('../../', import.meta.url)
  const page = readFileSync(new URL('docs/upgrade.md', project), 'utf8')
  const named = Array.from(page.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g), ([, file]) => file!)
  assert.ok(named.length > 10)
  assert.equal(
    named.filter(file => !existsSync(new URL(file, project))),
    [],
  )
})

test.run()
