import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createScanner, type ScanFault, type SymbolTable } from '../../src/parser/index.ts'
import { cores, numbers } from './documents.ts'

interface Symbol {
  readonly name: number
  readonly section: number
  readonly value: bigint
  readonly size: bigint
}

const strings = '\0first\0second\0'
const good: Symbol = { name: 1, section: 2, value: 8n, size: 4n }

/** A document of some bytes that belong to nothing, the symbols, and the strings; Elf64_Sym as the gABI gives it. */
function scan(
  symbols: readonly Symbol[],
  core: 'wasm' | 'twin',
  littleEndian: boolean,
  sections = 4,
  extra = 0,
) {
  const start = 5
  const end = start + 24 * symbols.length + extra
  const bytes = new Uint8Array(end + strings.length)
  const view = new DataView(bytes.buffer)
  for (const [i, { name, section, value, size }] of symbols.entries()) {
    const at = start + 24 * i
    view.setUint32(at, name, littleEndian)
    view.setUint16(at + 6, section, littleEndian)
    view.setBigUint64(at + 8, value, littleEndian)
    view.setBigUint64(at + 16, size, littleEndian)
  }
  bytes.set(new TextEncoder().encode(strings), end)
  const scanner = createScanner(bytes, { core })
  scanner.littleEndian = littleEndian
  const table = { offset: start, length: end - start }
  return scanner.scanSymbols(table, { offset: end, length: strings.length }, sections)
}

/** The same answer, the plain way. */
function expected(
  symbols: readonly Symbol[],
  sections: number,
): Pick<SymbolTable, 'count'> & { groups: number[][] } {
  const indexed = symbols.map((symbol, index) => ({ ...symbol, index }))
  const groups = Array.from({ length: sections }, (_, section) =>
    indexed
      .filter(symbol => section > 0 && symbol.section === section)
      .sort((a, b) => (a.value === b.value ? a.index - b.index : a.value < b.value ? -1 : 1))
      .map(({ index }) => index),
  )
  return { count: symbols.length, groups }
}

function groupsOf(table: SymbolTable | ScanFault): ReturnType<typeof expected> {
  if ('fault' in table) throw new Error(table.fault)
  const { count, order, starts } = table
  const groups = Array.from(starts.subarray(1), (end, section) => [...order.subarray(starts[section], end)])
  return { count, groups }
}

for (const core of cores) {
  for (const littleEndian of [true, false]) {
    const what = `the ${core}, ${littleEndian ? 'little' : 'big'}-endian,`

    test(`${what} groups symbols by section and orders them by value, then by index`, () => {
      const random = numbers(7)
      for (let run = 0; run < 200; run++) {
        const sections = 1 + random(8)
        const count = random(run)
        const symbols = Array.from({ length: count }, () => ({
          ...good,
          section: random(20) === 0 ? [0xfff1, 0xfff2, 0][random(3)]! : random(sections),
          // few values, so that many are equal; and some that differ only in their high or low half
          value: BigInt(random(5)) * (random(2) === 0 ? 1n : 1n << 40n) + BigInt(random(3)),
        }))
        const table = scan(symbols, core, littleEndian, sections)
        assert.equal(groupsOf(table), expected(symbols, sections))
      }
    })

    test(`${what} orders 100,000 symbols of one section that come in falling order`, () => {
      const count = 100_000
      const symbols = Array.from({ length: count }, (_, i) => ({ ...good, value: BigInt(count - i) }))
      const { groups } = groupsOf(scan(symbols, core, littleEndian))
      assert.equal(groups[2]!.length, count)
      assert.ok(groups[2]!.every((index, i) => index === count - 1 - i))
    })

    test(`${what} reports each fault with its record and place`, () => {
      const faultOf = (symbol: Partial<Symbol>) => scan([good, { ...good, ...symbol }], core, littleEndian)
      const at = { offset: 29, index: 1 }
      assert.equal(faultOf({ name: strings.length }), { fault: 'bad-name', ...at })
      assert.equal(faultOf({ name: 0xffffffff }), { fault: 'bad-name', ...at })
      assert.equal(faultOf({ section: 4 }), { fault: 'bad-section', ...at })
      assert.equal(faultOf({ section: 0xff00 }), { fault: 'bad-section', ...at })
      assert.equal(faultOf({ section: 0xffff }), { fault: 'bad-section', ...at })
      assert.equal(faultOf({ value: 1n << 53n }), { fault: 'too-large', ...at })
      assert.equal(faultOf({ size: 1n << 63n }), { fault: 'too-large', ...at })
      assert.equal('fault' in faultOf({ size: (1n << 53n) - 1n }), false)
      assert.equal(scan([good], core, littleEndian, 4, 23), { fault: 'truncated', ...at })
    })
  }

  test(`the ${core} reports a table or strings that are not in the document, or strings without an end`, () => {
    const scanner = createScanner(new Uint8Array(48).fill(1), { core })
    const [inside, outside] = [
      { offset: 0, length: 24 },
      { offset: 40, length: 24 },
    ]
    assert.equal(scanner.scanSymbols(outside, inside, 1), { fault: 'truncated', offset: 40, index: 0 })
    assert.equal(scanner.scanSymbols(inside, outside, 1), { fault: 'truncated', offset: 40, index: 0 })
    assert.equal(scanner.scanSymbols(inside, inside, 1), { fault: 'unterminated', offset: 0, index: 0 })
  })
}

test.run()
