import fc from 'fast-check'
import type { Sound } from '../damage.ts'
import { objectSound, slimSound } from '../sounds.ts'

/** One of three documents is a fixture; these are read when the first is. */
export function orFixtures(
  generated: fc.Arbitrary<Sound>,
  fixtures: () => readonly Sound[],
): fc.Arbitrary<Sound> {
  return fc.oneof({ arbitrary: generated, weight: 2 }, { arbitrary: fixturesOnly(fixtures), weight: 1 })
}

/** As above, without generated ones. */
export function fixturesOnly(fixtures: () => readonly Sound[]): fc.Arbitrary<Sound> {
  let read: readonly Sound[] | undefined
  return fc.nat().map(n => {
    read ??= fixtures()
    return read[n % read.length]!
  })
}

/** Objects: most without debug information, as that is skipped, and takes as long as all else. */
export function slimAndWhole(names: readonly string[]): Sound[] {
  return [...names, ...names, ...names].map(slimSound).concat(names.map(objectSound))
}
