import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildCore } from '../../scripts/build-core.ts'
import { checkModule } from '../../scripts/core-gate.ts'

const expected = { functions: ['f'], maximumPages: 2 }

// The sections of a small good module (WebAssembly specification, "Binary Format"): f: (i32) -> i32, and a memory of
// up to 2 pages.
const type = [1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f]
const func = [3, 2, 1, 0]
const memory = [5, 4, 1, 1, 0, 2]
const exports = [7, 14, 2, 1, 0x66, 0, 0, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0]
const code = [10, 6, 1, 4, 0, 0x20, 0, 0x0b]

function moduleOf(...sections: number[][]): Uint8Array {
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat())
}

/** What is wrong with a module, which the engine itself takes for a valid one. */
function refusal(...sections: number[][]): string {
  const wasm = moduleOf(...sections)
  new WebAssembly.Module(wasm)
  try {
    checkModule(wasm, expected)
  } catch (error) {
    return (error as Error).message // checkModule throws nothing else
  }
  return 'none'
}

test('the checked-in core is what its source builds, byte for byte', async () => {
  const generated = new URL('../../src/parser/core.generated.ts', import.meta.url)
  const { wasm, text } = await buildCore()
  assert.is(readFileSync(generated, 'utf8'), text)
  assert.ok(wasm.length < 4096)
})

test('the gate tells the signatures of a good module', () => {
  const signatures = checkModule(moduleOf(type, func, memory, exports, code), expected)
  assert.equal([...signatures], [['f', { params: ['i32'], results: ['i32'] }]])
})

test('the gate refuses an import', () => {
  const imported = [2, 7, 1, 1, 0x65, 1, 0x67, 0, 0]
  const shifted = [...exports]
  shifted[6] = 1 // functions are numbered behind the imported one
  assert.match(refusal(type, imported, func, memory, shifted, code), "imports e.g, has a section 'import'")
})

test('the gate refuses a start function', () => {
  const start = [8, 1, 1]
  const types = [1, 9, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0]
  const codes = [10, 9, 2, 4, 0, 0x20, 0, 0x0b, 2, 0, 0x0b]
  const found = refusal(types, [3, 3, 2, 0, 1], memory, exports, start, codes)
  assert.match(found, 'has a start function')
})

test('the gate refuses a memory that is missing, unbounded, of another bound, or shared', () => {
  assert.match(refusal(type, func, [7, 5, 1, 1, 0x66, 0, 0], code), 'has 0 memories')
  assert.match(refusal(type, func, [5, 3, 1, 0, 1], exports, code), 'has a memory without a bound')
  assert.match(refusal(type, func, [5, 4, 1, 1, 0, 3], exports, code), 'a memory of up to 3 pages, not 2')
  assert.match(refusal(type, func, [5, 4, 1, 3, 0, 2], exports, code), 'shares its memory')
})

test('the gate refuses an export that is missing or not expected', () => {
  const renamed = [...exports]
  renamed[4] = 0x67
  assert.match(refusal(type, func, memory, renamed, code), 'does not export f Func, exports g Func')
})

test('the gate refuses sections that the core has no use for', () => {
  assert.match(
    refusal(type, func, memory, [6, 6, 1, 0x7f, 0, 0x41, 0, 0x0b], exports, code),
    "a section 'global'",
  )
  assert.match(
    refusal(type, func, memory, exports, code, [11, 7, 1, 0, 0x41, 0, 0x0b, 1, 0]),
    "a section 'data'",
  )
  assert.match(refusal(type, func, [4, 4, 1, 0x70, 0, 1], memory, exports, code), "a section 'table'")
  assert.match(refusal(type, func, memory, exports, code, [0, 3, 1, 0x78, 0]), 'custom')
})

test.run()
