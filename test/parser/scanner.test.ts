import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CoreScanner } from '../../src/parser/core.ts'
import { createScanner, createScannerFrom } from '../../src/parser/index.ts'
import { TwinScanner } from '../../src/parser/twin.ts'
import { cores } from './documents.ts'

for (const core of cores) {
  test(`a ${core} scanner works on a copy of the bytes`, () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const scanner = createScanner(bytes, { core })
    bytes.fill(9)
    assert.equal([...scanner.bytes], [1, 2, 3])
    assert.is(scanner.view.getUint16(1, true), 0x0302)
  })

  test(`a ${core} scanner is filled in the memory in which the document stays`, () => {
    let filled: Uint8Array | undefined
    const scanner = createScannerFrom(
      5,
      memory => {
        filled = memory
        memory.set([1, 2, 3, 4, 5])
      },
      { core },
    )
    assert.is(filled, scanner.bytes)
    const { buffer } = scanner.bytes
    scanner.scanTypes({ offset: 0, length: 0 }, { offset: 0, length: 0 })
    assert.is(scanner.bytes.buffer, buffer)
    assert.equal([...scanner.bytes], [1, 2, 3, 4, 5])
  })

  test(`a ${core} scanner has a view of the document and nothing behind it`, () => {
    const { view, bytes } = createScanner(new Uint8Array(7), { core })
    assert.equal([view.byteLength, bytes.length], [7, 7])
  })
}

test('the core scans large documents, the twin small ones, unless one of them is asked for', () => {
  assert.instance(createScanner(new Uint8Array(256 * 1024)), CoreScanner)
  assert.instance(createScanner(new Uint8Array(256 * 1024 - 1)), TwinScanner)
  assert.instance(createScanner(new Uint8Array(1), { core: 'wasm' }), CoreScanner)
  assert.instance(createScanner(new Uint8Array(256 * 1024), { core: 'twin' }), TwinScanner)
})

test("bytes that are the scanner's own are scanned where they are, up to 4 MiB", () => {
  const bytes = Buffer.alloc(1 << 20)
  const scanner = createScanner(bytes, { isOwn: true })
  assert.is(scanner.bytes.buffer, bytes.buffer)
  assert.is(scanner.bytes.byteOffset, bytes.byteOffset)
  assert.instance(createScanner(new Uint8Array(4 << 20), { isOwn: true }), CoreScanner)
})

test('the core takes half the memory for tables of a document that is scanned for types alone, and only once', () => {
  const bytes = new Uint8Array(1 << 20)
  const all = createScanner(bytes).bytes.buffer.byteLength
  const scanner = createScanner(bytes, { hasOnlyTypes: true })
  assert.ok(scanner.bytes.buffer.byteLength < 0.7 * all)
  const nothing = { offset: 0, length: 0 }
  const [types, strings] = [nothing, { offset: 0, length: 1 }]
  assert.ok(!('fault' in scanner.scanTypes(types, strings)))
  assert.throws(() => scanner.scanTypes(types, strings), /scanned once/)
  assert.throws(() => scanner.scanSymbols(nothing, strings, 1), /scanned once/)
  assert.throws(() => scanner.scanRelocations(nothing, 1, 1), /scanned once/)
})

test('a document that is too large for the core goes to the twin', () => {
  const length = 100 << 20
  const nothing = (): void => {}
  assert.instance(createScannerFrom(length, nothing), TwinScanner)
  assert.throws(() => createScannerFrom(length, nothing, { core: 'wasm' }), /too large for the core/)
  assert.instance(createScannerFrom(70_000_000, nothing), CoreScanner)
})

test('the twin scans where WebAssembly is switched off', () => {
  const script = `
    import { createScanner } from '${new URL('../../src/parser/index.ts', import.meta.url)}'
    console.log(typeof WebAssembly, createScanner(new Uint8Array(1 << 20)).constructor.name)`
  const hook = new URL('../ts-hook.mjs', import.meta.url).href
  const flags = ['--jitless', '--no-warnings', '--import', hook, '--input-type=module', '-e', script]
  const output = execFileSync(process.execPath, flags, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  assert.match(output, 'undefined TwinScanner')
})

test.run()
