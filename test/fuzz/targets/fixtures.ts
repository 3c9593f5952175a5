import fc from 'fast-check'
import type { Sound } from '../damage.ts'

/** Two of three cases are made of a fixture; these are read when the first is. */
export function orFixtures(
  generated: fc.Arbitrary<Sound>,
  fixtures: () => readonly Sound[],
): fc.Arbitrary<Sound> {
  let read: readonly Sound[] | undefined
  const fixture = fc.nat().map(n => {
    read ??= fixtures()
    return read[n % read.length]!
  })
  return fc.oneof({ arbitrary: generated, weight: 1 }, { arbitrary: fixture, weight: 2 })
}

/** As above, without generated ones. */
export function fixturesOnly(fixtures: () => readonly Sound[]): fc.Arbitrary<Sound> {
  let read: readonly Sound[] | undefined
  return fc.nat().map(n => {
    read ??= fixtures()
    return read[n % read.length]!
  })
}
