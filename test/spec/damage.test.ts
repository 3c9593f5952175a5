import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, BtfError, ElfError } from '../../src/errors.ts'
import { assemble } from '../../src/spec/assemble.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import { fixture } from '../fixtures.ts'

/** Numbers from 0 to 2^32 that are the same on every run (xorshift32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const objects = ['counter', 'functions', 'map-kinds', 'externs', 'linked', 'functions-eb'].map(name =>
  readFileSync(fixture(name)),
)
const edges = [0, 1, 0x7f, 0x80, 0xff]
const runs = 1500

test('whatever is damaged in an object, it is read or refused with a place', () => {
  const random = randomNumbers(20261122)
  let refused = 0
  for (let run = 0; run < runs; run++) {
    const damaged = new Uint8Array(objects[random() % objects.length]!)
    for (let bytes = 1 + (random() % 4); bytes > 0; bytes--) {
      const at = random() % damaged.length
      damaged[at] = random() % 3 === 0 ? random() : edges[random() % edges.length]!
    }
    try {
      const spec = parseSpec(damaged, 'damaged')
      for (const program of spec.programs) assemble(spec, program, () => 3)
      for (const variable of spec.variables) if (variable.size < 4096) variable.get()
    } catch (error) {
      refused++
      const isPlaced = error instanceof ElfError || error instanceof BtfError
      const isUnsupported = error instanceof BpfError && error.code === 'ERR_UNSUPPORTED'
      assert.ok(isPlaced || isUnsupported, `run ${run}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  // most of a file is text and instructions, which may be anything
  assert.ok(refused > runs / 20 && refused < runs, `${refused} of ${runs} refused`)
})

test.run()
