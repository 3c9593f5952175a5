import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseElf } from '../../src/elf/index.ts'
import { BpfError, BtfError, ElfError } from '../../src/errors.ts'
import { assemble, functionsOf } from '../../src/spec/assemble.ts'
import { resolveCore } from '../../src/spec/core/relocate.ts'
import { KconfigValues } from '../../src/spec/externs/kconfig.ts'
import { resolveExterns } from '../../src/spec/externs/resolve.ts'
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

const objects = [
  'counter',
  'functions',
  'map-kinds',
  'externs',
  'linked',
  'functions-eb',
  'struct-ops-shapes',
  'map-slots',
  'arena',
].map(name => readFileSync(fixture(name)))
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
      for (const { structOps } of spec.maps) void [structOps?.definition, structOps?.target]
    } catch (error) {
      refused++
      const isPlaced = error instanceof ElfError || error instanceof BtfError
      assert.ok(isPlaced, `run ${run}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  // most of a file is text and instructions, which may be anything
  assert.ok(refused > runs / 20 && refused < runs, `${refused} of ${runs} refused`)
})

test('whatever is damaged in an object with names of the kernel, they are found or refused by name', () => {
  const random = randomNumbers(20261124)
  const originals = ['externs', 'externs-kfuncs', 'externs-config', 'externs-module'].map(name =>
    readFileSync(fixture(name)),
  )
  let [refused, found] = [0, 0]
  for (let run = 0; run < runs / 3; run++) {
    const damaged = new Uint8Array(originals[run % originals.length]!)
    const { offset, length } = rangeOfTypes(damaged)
    for (let bytes = 1 + (random() % 3); bytes > 0; bytes--) {
      const at = random() % 4 === 0 ? random() % damaged.length : offset + (random() % length)
      damaged[at] = random() % 3 === 0 ? random() : edges[random() % edges.length]!
    }
    try {
      const spec = parseSpec(damaged, 'damaged')
      // a kernel that declares what the object declares
      const kernel = {
        main: () => ({ name: 'kernel', btf: spec.btf! }),
        modules: () => [],
        addresses: (names: ReadonlySet<string>) => new Map(Array.from(names, name => [name, [1n]])),
        descriptor: () => 3,
      }
      const { byName } = resolveExterns(spec, kernel)
      found += byName.size
      for (const program of spec.programs) assemble(spec, program, () => 3, undefined, byName)
      const values = spec.externs.filter(extern => extern.kind === 'kconfig')
      const size = spec.maps.find(({ name }) => name === '.kconfig')?.section?.size ?? 0
      const text = values.map(({ name, form }) => `${name}=${form === 'string' ? '"text"' : 'y'}\n`).join('')
      new KconfigValues(values, size, true).read(text, 'a text')
      spec.kernelBtf?.()
    } catch (error) {
      refused++
      const isPlaced = error instanceof ElfError || error instanceof BtfError
      const isRefused = error instanceof BpfError && error.code === 'ERR_EXTERN'
      assert.ok(isPlaced || isRefused, `run ${run}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  assert.ok(refused > runs / 60 && found > runs / 3, `${refused} refused, ${found} found`)
})

test('whatever is damaged in an object with CO-RE relocations, or in the types that it is to run on, is refused by name', () => {
  const random = randomNumbers(20261123)
  const [object, types] = ['core-types', 'core-kernel'].map(name => readFileSync(fixture(name)))
  const whole = parseSpec(object!, 'whole')
  let refused = 0
  for (let run = 0; run < runs / 10; run++) {
    const isObject = run % 2 === 0
    const damaged = new Uint8Array(isObject ? object! : types!)
    const { offset, length } = rangeOfTypes(damaged)
    for (let bytes = 1 + (random() % 4); bytes > 0; bytes--) {
      damaged[offset + (random() % length)] = random() % 3 === 0 ? random() : edges[random() % edges.length]!
    }
    try {
      const parsed = parseSpec(damaged, 'damaged')
      const spec = isObject ? parsed : whole
      const btf = isObject ? whole.btf! : parsed.btf!
      const target = { main: () => ({ name: 'kernel', btf }), modules: () => [] }
      for (const program of spec.programs) {
        const core = resolveCore(spec, functionsOf(program), target)
        for (const { needs } of assemble(spec, program, () => 3, core).poisoned.values()) needs()
      }
    } catch (error) {
      refused++
      const isPlaced = error instanceof ElfError || error instanceof BtfError
      const isCore = error instanceof BpfError && error.code === 'ERR_CORE'
      assert.ok(isPlaced || isCore, `run ${run}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  assert.ok(refused > runs / 40 && refused < runs / 10, `${refused} refused`)
})

/** Where `.BTF` is in a file. */
function rangeOfTypes(bytes: Uint8Array): { readonly offset: number; readonly length: number } {
  const section = parseElf(bytes).section('.BTF')!
  return { offset: section.data.byteOffset, length: section.size }
}

test.run()
