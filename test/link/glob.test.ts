import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isPattern, matchesPattern } from '../../src/link/glob.ts'

/** The same by a regular expression. */
function expected(name: string, pattern: string): boolean {
  const escaped = pattern.replace(/[^*?]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${escaped}$`, 's').test(name)
}

test('a star is any text, a question mark any one character, all else itself', () => {
  const letters = fc.array(fc.constantFrom('.', '-', '_'), { maxLength: 8 }).map(all => all.join(''))
  const patterns = fc
    .array(fc.constantFrom('.', '-', '_', '*', '?'), { maxLength: 8 })
    .map(all => all.join(''))
  fc.assert(
    fc.property(
      letters,
      patterns,
      (name, pattern) => matchesPattern(name, pattern) === expected(name, pattern),
    ),
    { numRuns: 20_000 },
  )
})

test('many stars cost no more than the product of the lengths', () => {
  const start = performance.now()
  assert.not(matchesPattern('a'.repeat(2000), `${'a*'.repeat(1000)}b`))
  assert.ok(performance.now() - start < 1000)
})

test('only what has a star or a question mark in it is a pattern', () => {
  assert.equal(['vfs_*', 'vfs_rea?', 'vfs_read'].map(isPattern), [true, true, false])
})

test.run()
