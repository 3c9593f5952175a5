import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { sectionNames } from '../../src/spec/sections.ts'
import { objectsToTry } from '../parity/objects.ts'

const project = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/compatibility.md', project), 'utf8')
const rows = page.split('\n').filter(line => line.startsWith('| ') && !/^\| (type|what) \|/.test(line))
const objects = objectsToTry()

/** What a row names: objects that are compared, and tests, each with the names that follow its file. */
function proofs(row: string): { objects: string[]; tests: { file: string; names: string[] }[] } {
  const cell = row.split('|').at(-2) ?? ''
  const found = Array.from(cell.matchAll(/`((?:parity|fixtures)\/[\w/.-]+)`/g), ([, object]) => object!)
  const tests = cell.split(';').flatMap(part => {
    const file = /`(test\/[\w/.-]+\.test\.ts)`/.exec(part)?.[1]
    const names = Array.from(part.matchAll(/"([^"]+)"/g), ([, name]) => name!)
    return file === undefined ? [] : [{ file, names }]
  })
  return { objects: found, tests }
}

test('every row says what shows it, or why it is out of scope', () => {
  assert.ok(rows.length > 60)
  const without = rows.filter(row => {
    const { objects, tests } = proofs(row)
    return objects.length + tests.length === 0 && !row.includes('out of scope')
  })
  assert.equal(without, [])
})

test('every object that the page names is compared', () => {
  const names = new Set(objects.map(({ name }) => name))
  const missing = rows.flatMap(row => proofs(row).objects).filter(name => !names.has(name))
  assert.equal(missing, [])
})

test('every test that the page names is there, by its name', () => {
  const missing = rows
    .flatMap(row => proofs(row).tests)
    .flatMap(({ file, names }) => {
      const path = new URL(file, project)
      const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
      return (names.length > 0 ? names : ['test'])
        .filter(name => !text.includes(name))
        .map(name => [file, name])
    })
  assert.equal(missing, [])
})

test('every section name is in an object that is compared', () => {
  const compared = new Set<string>()
  for (const { path } of objects) {
    try {
      for (const { section } of openObject(path).programs) compared.add(section.replace('?', ''))
    } catch {
      // refused, on purpose
    }
  }
  const withHook = [...compared].map(section => section.split('/')[0]!)
  const missing = sectionNames().filter(name => !compared.has(name) && !withHook.includes(name))
  assert.equal(missing, [])
})

test.run()
