import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseElf } from '../../src/elf/index.ts'
import { createScanner, type ScanFault, type TypeTable } from '../../src/parser/index.ts'
import { needs } from '../requirements.ts'
import { type Blob, blob, cores, objects, type Record, scannerOf, sectionsOf } from './documents.ts'

const vmlinux = '/sys/kernel/btf/vmlinux'
const bytesOf = (name: string): Uint8Array => new TextEncoder().encode(name)

function scan(document: Blob, core: 'wasm' | 'twin', littleEndian = true): TypeTable | ScanFault {
  return scannerOf(document, core, littleEndian).scanTypes(document.types, document.strings)
}

function tableOf(document: Blob, core: 'wasm' | 'twin', littleEndian = true): TypeTable {
  const table = scan(document, core, littleEndian)
  if ('fault' in table) throw new Error(`${table.fault} at ${table.offset}`)
  return table
}

/** All ids that the table finds for a name. */
function idsOf(table: TypeTable, name: string): number[] {
  const ids: number[] = []
  for (let id = table.find(bytesOf(name), 0); id !== 0; id = table.find(bytesOf(name), id)) ids.push(id)
  return ids
}

function sameTables(a: TypeTable, b: TypeTable, what: string): void {
  assert.is(a.count, b.count, what)
  for (const part of ['offsets', 'prints'] as const) {
    assert.is(Buffer.compare(rawBytes(a[part]), rawBytes(b[part])), 0, `${part} of ${what}`)
  }
}

function rawBytes({ buffer, byteOffset, byteLength }: Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Ids by name, as bpftool lists them. */
function bpftoolNames(path: string): Map<string, number[]> {
  const text = execFileSync('bpftool', ['btf', 'dump', 'file', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const names = new Map<string, number[]>()
  for (const [, id, name] of text.matchAll(/^\[(\d+)\] \w+ '([^']*)'/gm)) {
    if (name === '(anon)') continue
    const ids = names.get(name!) ?? []
    names.set(name!, [...ids, Number(id)])
  }
  return names
}

// sizes of what follows a head, from include/uapi/linux/btf.h: [kind, always, for each of 3 entries]
const kindSizes = [
  [1, 1, 0],
  [2, 0, 0],
  [3, 3, 0],
  [4, 0, 3],
  [5, 0, 3],
  [6, 0, 2],
  [7, 0, 0],
  [8, 0, 0],
  [9, 0, 0],
  [10, 0, 0],
  [11, 0, 0],
  [12, 0, 0],
  [13, 0, 2],
  [14, 1, 0],
  [15, 0, 3],
  [16, 0, 0],
  [17, 1, 0],
  [18, 0, 0],
  [19, 0, 3],
] as const

for (const core of cores) {
  for (const littleEndian of [true, false]) {
    const order = littleEndian ? 'little' : 'big'
    test(`the ${core} finds a record of every kind where the last one ends, ${order}-endian`, () => {
      const records = kindSizes.map(([kind, fixed, entry]) => ({
        name: `kind${kind}`,
        kind,
        vlen: entry > 0 ? 3 : 0,
        words: fixed + 3 * entry,
      }))
      const table = tableOf(blob(records, littleEndian), core, littleEndian)
      assert.is(table.count, 19)
      let offset = 0
      for (const [i, { words }] of records.entries()) {
        assert.is(table.offsets[i + 1], offset)
        assert.equal(idsOf(table, `kind${i + 1}`), [i + 1])
        offset += 12 + 4 * words
      }
    })
  }

  test(`the ${core} finds all types of a name in rising order and nothing else`, () => {
    const names = ['a', '', 'ab', 'a', 'abcd', 'abcdefgh', 'a', 'abcdefghi', '', 'abcde', 'ab']
    const table = tableOf(blob(names.map(name => ({ name, kind: 2 }))), core)
    for (const name of new Set(names.filter(Boolean))) {
      assert.equal(
        idsOf(table, name),
        names.flatMap((other, i) => (other === name ? [i + 1] : [])),
      )
    }
    for (const name of ['', 'b', 'abc', 'abcdefg', 'a\0', 'a\0ab', 'ab\0a', '\0', 'größe']) {
      assert.is(table.find(bytesOf(name), 0), 0, name)
    }
  })

  test(`the ${core} goes on behind any id, also one of another name or none at all`, () => {
    const table = tableOf(blob(['x', 'y', 'x', 'y', 'x'].map(name => ({ name, kind: 2 }))), core)
    assert.equal(
      [0, 1, 2, 3, 4, 5, 6, 1e9].map(after => table.find(bytesOf('x'), after)),
      [1, 3, 3, 5, 5, 0, 0, 0],
    )
  })

  test(`the ${core} tells long names apart that begin alike`, () => {
    const names = [255, 256, 257, 300, 1000].flatMap(length =>
      ['p', 'q'].map(end => 'n'.repeat(length - 1) + end),
    )
    const table = tableOf(blob(names.map(name => ({ name, kind: 2 }))), core)
    for (const [i, name] of names.entries()) assert.equal(idsOf(table, name), [i + 1])
    assert.is(table.find(bytesOf('n'.repeat(256)), 0), 0)
  })

  test(`the ${core} scans no types at all`, () => {
    const table = tableOf(blob([]), core)
    assert.is(table.count, 0)
    assert.equal([...table.offsets], [0])
    assert.is(table.find(bytesOf('int'), 0), 0)
  })

  test(`the ${core} reports each fault with its record and place`, () => {
    const good: Record[] = [{ name: 'int', kind: 1, words: 1 }]
    const faultOf = (records: Record[], change: (document: Blob) => Blob = same) =>
      scan(change(blob(records)), core)
    const cut = (length: number) => (document: Blob) => ({ ...document, types: { offset: 0, length } })
    const place = (offset: number, length: number) => (d: Blob) => ({ ...d, strings: { offset, length } })
    const same = (document: Blob): Blob => document
    const bad = { fault: 'bad-kind', offset: 16, index: 2 }
    assert.equal(faultOf([...good, { name: '', kind: 0 }]), bad)
    assert.equal(faultOf([...good, { name: '', kind: 20 }]), bad)
    assert.equal(faultOf([...good, { name: '', kind: 31 }]), bad)
    assert.equal(faultOf(good, cut(1)), { fault: 'truncated', offset: 0, index: 1 })
    assert.equal(faultOf(good, cut(15)), { fault: 'truncated', offset: 0, index: 1 })
    assert.equal(faultOf([...good, ...good], cut(17)), { fault: 'truncated', offset: 16, index: 2 })
    const huge = [...good, { name: '', kind: 4, vlen: 65535, words: 3 }]
    assert.equal(faultOf(huge), { fault: 'truncated', offset: 16, index: 2 })
    assert.equal(faultOf(good, cut(1000)), { fault: 'truncated', offset: 0, index: 0 })
    assert.equal(faultOf(good, place(16, 1)), { fault: 'bad-name', offset: 0, index: 1 })
    assert.equal(faultOf(good, place(16, 4)), { fault: 'unterminated', offset: 16, index: 0 })
    assert.equal(faultOf(good, place(16, 0)), { fault: 'unterminated', offset: 16, index: 0 })
    assert.equal(faultOf(good, place(16, 6)), { fault: 'truncated', offset: 16, index: 0 })
    assert.equal(faultOf(good, place(-1, 2)), { fault: 'truncated', offset: -1, index: 0 })
  })

  test(`the ${core} keeps the tables of a blob when the document is scanned again`, () => {
    const document = blob(['a', 'b', 'a'].map(name => ({ name, kind: 2 })))
    const scanner = scannerOf(document, core)
    const first = scanner.scanTypes(document.types, document.strings) as TypeTable
    const second = scanner.scanTypes({ offset: 0, length: 24 }, document.strings) as TypeTable
    const third = scanner.scanTypes(document.types, document.strings) as TypeTable
    assert.equal([first.count, second.count, third.count], [3, 2, 3])
    assert.equal([idsOf(first, 'a'), idsOf(second, 'a'), idsOf(third, 'a')], [[1, 3], [1], [1, 3]])
  })

  test(`the ${core} takes linear time for types that share a name or an endless string`, () => {
    const equal = blob(new Array<Record>(200_000).fill({ name: 'same', kind: 2 }))
    const endless = blob(new Array<Record>(100_000).fill({ name: 'n'.repeat(1_000_000), kind: 2 }))
    const start = performance.now()
    assert.is(idsOf(tableOf(equal, core), 'same').length, 200_000)
    assert.is(tableOf(endless, core).find(bytesOf('other'), 0), 0)
    // quadratic would be minutes; this takes a tenth of a second
    assert.ok(performance.now() - start < 5000)
  })

  needs(
    test,
    vmlinux,
    'bpftool',
  )(`the ${core} finds every name of vmlinux as bpftool lists it`, () => {
    const bytes = new Uint8Array(readFileSync(vmlinux))
    const table = tableOf({ bytes, ...sectionsOf(bytes) }, core)
    const names = bpftoolNames(vmlinux)
    assert.ok(names.size > 50_000)
    for (const [name, ids] of names) {
      const found = idsOf(table, name)
      if (found.length !== ids.length || found.some((id, i) => id !== ids[i])) assert.equal(found, ids, name)
    }
    for (const name of names.keys()) {
      const missing = `${name}?`
      if (table.find(bytesOf(missing), 0) !== 0) assert.unreachable(missing)
    }
  })
}

test('both scanners lay out the same tables for every fixture', () => {
  let compared = 0
  for (const { name, bytes } of objects()) {
    const section = parseElf(bytes).section('.BTF')
    if (section === undefined) continue
    const document = { bytes: section.data, ...sectionsOf(section.data) }
    const [a, b] = cores.map(core => tableOf(document, core, document.littleEndian)) as [TypeTable, TypeTable] // two
    sameTables(a, b, name)
    assert.ok(a.count > 0, name)
    compared++
  }
  assert.ok(compared > 5)
})

needs(test, vmlinux)(
  'both scanners lay out the same tables for vmlinux, and also with their bytes shifted',
  () => {
    const bytes = new Uint8Array(readFileSync(vmlinux))
    const { types, strings } = sectionsOf(bytes)
    for (const shift of [0, 1, 3]) {
      const shifted = new Uint8Array(bytes.length + shift)
      shifted.set(bytes, shift)
      const document = {
        bytes: shifted,
        types: { ...types, offset: types.offset + shift },
        strings: { ...strings, offset: strings.offset + shift },
      }
      const [a, b] = cores.map(core => tableOf(document, core)) as [TypeTable, TypeTable] // two
      sameTables(a, b, `vmlinux at ${shift}`)
      assert.ok(a.count > 50_000)
    }
  },
)

test('split BTF is scanned by a document that has the strings of its base in front of its own', () => {
  const own = blob([
    { name: 'module_type', kind: 2 },
    { name: 'x', kind: 2 },
  ])
  const base = '\0int\0task_struct\0'
  const text = `${base}module_type\0`
  const bytes = new Uint8Array(24 + text.length)
  bytes.set(own.bytes.subarray(0, 24))
  bytes.set(bytesOf(text), 24)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, base.length, true)
  view.setUint32(12, base.indexOf('task_struct'), true)
  for (const core of cores) {
    const scanner = createScanner(bytes, { core })
    const table = scanner.scanTypes(own.types, { offset: 24, length: text.length }) as TypeTable
    assert.equal(
      [idsOf(table, 'module_type'), idsOf(table, 'task_struct'), idsOf(table, 'int')],
      [[1], [2], []],
    )
  }
})

test.run()
