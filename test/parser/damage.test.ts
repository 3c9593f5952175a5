import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseElf } from '../../src/elf/index.ts'
import { createScanner, type ScanFault, type TypeTable } from '../../src/parser/index.ts'
import { type Blob, cores, numbers, objects, sectionsOf } from './documents.ts'

const runs = 5000

/** The tables of a blob and what a few searches find in them, or the fault. */
function outcome({ bytes, types, strings }: Blob, littleEndian: boolean, core: 'wasm' | 'twin') {
  const scanner = createScanner(bytes, { core })
  scanner.littleEndian = littleEndian
  const table: TypeTable | ScanFault = scanner.scanTypes(types, strings)
  if ('fault' in table) return table
  const { count, offsets, prints } = table
  const found = ['int', 'u32', 'name', ''].map(name => table.find(new TextEncoder().encode(name), 0))
  return { count, offsets, prints, found }
}

test(`${runs.toLocaleString('en')} damaged BTF blobs are scanned alike by both scanners`, () => {
  const random = numbers(3)
  const blobs = objects()
    .map(({ bytes }) => parseElf(bytes).section('.BTF')?.data.slice())
    .filter(data => data !== undefined && data.length < 20_000)
    .map(data => ({ bytes: data!, ...sectionsOf(data!) }))
  assert.ok(blobs.length > 5)
  let faults = 0
  for (let run = 0; run < runs; run++) {
    const { bytes, types, strings, littleEndian } = blobs[run % blobs.length]!
    const copy = bytes.slice()
    for (let n = 1 + random(3); n > 0; n--) {
      const { offset, length } = random(4) === 0 ? strings : types
      copy[offset + random(length)] = random(2) === 0 ? random(256) : [0, 1, 0xff][random(3)]!
    }
    const shift = (): number => (random(20) === 0 ? random(64) - 32 : 0)
    const document = {
      bytes: copy,
      types: { offset: types.offset + shift(), length: types.length + shift() },
      strings: { offset: strings.offset + shift(), length: strings.length + shift() },
    }
    const [wasm, twin] = cores.map(core => outcome(document, littleEndian, core))
    assert.equal(wasm, twin, `run ${run}`)
    if ('fault' in wasm!) faults++
  }
  assert.ok(faults > runs / 10 && faults < runs * 0.9, `${faults} had faults`)
})

test.run()
