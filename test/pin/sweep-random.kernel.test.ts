import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileCopy } from '../../src/btf/index.ts'
import { compileMerge } from '../../src/pin/merge.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { closeFd } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { carrying, key, RawMap } from './maps.ts'
import { randomConversion, randomFrom } from './random-layout.ts'

// an emulator is slow
const layouts = Number(process.env.BPFPIN_LAYOUTS ?? (process.env.BPFPIN_MACHINE ? 16 : 60))
const entries = 8

function randomBytes(random: (below: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256))
}

/** Some bytes of a value become others, as a program that writes some of its fields does. */
function scribble(random: (below: number) => number, value: Uint8Array): Uint8Array {
  const changed = value.slice()
  for (let i = random(4); i > 0; i--) changed[random(changed.length)] = random(256)
  return changed
}

needs(test, 'root')(
  'what the program in the kernel makes of a value is what copying in JavaScript makes of it',
  () => {
    for (let seed = 1; seed <= layouts; seed++) {
      const random = randomFrom(seed)
      const conversion = randomConversion(random)
      const kind = (['hash', 'array'] as const)[seed % 2]!
      using old = new RawMap(kind, 4, conversion.fromSize, entries)
      using next = new RawMap(kind, 4, conversion.toSize, entries)
      const live = carrying(old, next, conversion)
      const snapshot = createSnapshot(live)
      const where = `seed ${seed}: ${JSON.stringify(conversion.pairs)}`
      try {
        const copy = compileCopy(conversion.operations)
        const merge = compileMerge(conversion)
        const carried = new Map<number, Uint8Array>()
        const converted = (value: Uint8Array): Uint8Array => {
          const bytes = new Uint8Array(conversion.toSize)
          copy(value, 0, bytes, 0)
          return bytes
        }
        for (let round = 0; round < 3; round++) {
          const expected = new Map<number, Uint8Array>()
          for (let i = 0; i < entries; i++) {
            const before = round > 0 && old.get(key(i))
            const value = before ? scribble(random, before) : randomBytes(random, conversion.fromSize)
            old.set(key(i), value)
            const now = converted(value)
            const there = next.get(key(i))
            if (!there) {
              expected.set(i, now)
            } else {
              const written = round > 0 ? scribble(random, there) : there
              next.set(key(i), written)
              const merged = written.slice()
              merge(now, carried.get(i) ?? new Uint8Array(conversion.toSize), merged)
              expected.set(i, merged)
            }
            carried.set(i, now)
          }
          const report = sweepEntries(live, snapshot)
          assert.equal([report.inKernel, report.failed], [true, 0], where)
          for (const [i, bytes] of expected)
            assert.equal(next.get(key(i)), bytes, `round ${round}, entry ${i}, ${where}`)
        }
      } finally {
        closeFd(snapshot)
      }
    }
  },
)

test.run()
