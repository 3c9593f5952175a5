import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createScanner } from '../../src/parser/index.ts'
import { cores, numbers } from './documents.ts'

interface Relocation {
  readonly offset: bigint
  readonly type: number
  readonly symbol: number
}

const good: Relocation = { offset: 8n, type: 1, symbol: 2 }

/** Elf64_Rel as the gABI gives it: r_info has the symbol in its high half. */
function scan(relocations: readonly Relocation[], core: 'wasm' | 'twin', littleEndian: boolean, extra = 0) {
  const start = 3
  const bytes = new Uint8Array(start + 16 * relocations.length + extra)
  const view = new DataView(bytes.buffer)
  for (const [i, { offset, type, symbol }] of relocations.entries()) {
    view.setBigUint64(start + 16 * i, offset, littleEndian)
    view.setBigUint64(start + 16 * i + 8, (BigInt(symbol) << 32n) | BigInt(type), littleEndian)
  }
  const scanner = createScanner(bytes, { core })
  scanner.littleEndian = littleEndian
  return scanner.scanRelocations({ offset: start, length: bytes.length - start }, 10, 1000)
}

for (const core of cores) {
  for (const littleEndian of [true, false]) {
    const what = `the ${core}, ${littleEndian ? 'little' : 'big'}-endian,`

    test(`${what} decodes relocations and orders them by offset, equal ones as they came`, () => {
      const random = numbers(11)
      for (let run = 0; run < 200; run++) {
        const relocations = Array.from({ length: random(run) }, (_, i) => ({
          offset: BigInt(random(1 + random(1000))),
          type: i === 0 ? 0xffffffff : i,
          symbol: random(10),
        }))
        const sorted = [...relocations].sort((a, b) => Number(a.offset - b.offset))
        const table = scan(relocations, core, littleEndian)
        if ('fault' in table) throw new Error(table.fault)
        assert.is(table.count, relocations.length)
        assert.equal(
          [...table.records],
          sorted.flatMap(({ offset, type, symbol }) => [Number(offset), type, symbol]),
        )
      }
    })

    test(`${what} reports each fault of a relocation with its record and place`, () => {
      const faultOf = (change: Partial<Relocation>) =>
        scan([good, { ...good, ...change }], core, littleEndian)
      const at = { offset: 19, index: 1 }
      assert.equal(faultOf({ offset: 1000n }), { fault: 'bad-offset', ...at })
      assert.equal(faultOf({ offset: 1n << 32n }), { fault: 'bad-offset', ...at })
      assert.equal(faultOf({ offset: 1n << 63n }), { fault: 'bad-offset', ...at })
      assert.equal(faultOf({ symbol: 10 }), { fault: 'bad-symbol', ...at })
      assert.equal(faultOf({ symbol: 0xffffffff }), { fault: 'bad-symbol', ...at })
      assert.equal(scan([good], core, littleEndian, 15), { fault: 'truncated', ...at })
    })
  }

  test(`the ${core} reports a relocation table that is not in the document`, () => {
    const scanner = createScanner(new Uint8Array(16), { core })
    const table = { offset: 8, length: 16 }
    assert.equal(scanner.scanRelocations(table, 1, 1), { fault: 'truncated', offset: 8, index: 0 })
  })
}

test.run()
