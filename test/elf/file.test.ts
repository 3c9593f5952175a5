import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ElfFile, parseElf } from '../../src/elf/index.ts'
import { cores } from '../parser/documents.ts'
import { Patch } from './patch.ts'

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/${name}`, import.meta.url))

for (const core of cores) {
  const open = (name: string): ElfFile => parseElf(fixture(name), { core })

  for (const name of ['elf-symbols.bpf.o', 'elf-big-endian.bpf.o']) {
    test(`${name} by the ${core} has its maps in the order of their places`, () => {
      const elf = open(name)
      const maps = elf.symbolsIn(elf.section('.maps')!.index)
      assert.equal(
        maps.filter(({ kind }) => kind === 'object').map(map => [map.name, map.value, map.size, map.binding]),
        // as the C source defines them: { 4 or 5 pointers } each
        [
          ['shared', 0, 32, 'global'],
          ['zähler', 32, 32, 'global'],
          ['hidden_map', 64, 32, 'local'],
        ],
      )
    })

    test(`${name} by the ${core} tells bindings, visibilities and places apart`, () => {
      const elf = open(name)
      const symbols = Array.from({ length: elf.symbolCount }, (_, i) => elf.symbol(i))
      const of = (wanted: string) => symbols.find(symbol => symbol.name === wanted)!
      assert.is(of('replaceable').binding, 'weak')
      assert.is(of('not_exported').visibility, 'hidden')
      assert.equal([of('größe').kind, of('größe').binding], ['func', 'global'])
      assert.equal([of('add').binding, of('add').section], ['local', elf.section('.text')!.index])
      assert.equal([of('bpf_rcu_read_lock').section, of('bpf_rcu_read_lock').binding], ['undefined', 'weak'])
      assert.is(of('LINUX_KERNEL_VERSION').section, 'undefined')
      assert.equal([symbols[1]!.kind, symbols[1]!.section], ['file', 'absolute'])
    })
  }

  test(`the ${core} leaves the object as it was when the caller writes over the bytes`, () => {
    const bytes = new Uint8Array(fixture('elf-symbols.bpf.o'))
    const elf = parseElf(bytes, { core })
    bytes.fill(0)
    assert.is(elf.symbol(1).name, 'elf-symbols.bpf.c')
    assert.is(elf.stringAt(elf.section('license')!, 0), 'GPL')
  })

  test(`the ${core} reads bytes that start in the middle of a buffer`, () => {
    const bytes = fixture('elf-symbols.bpf.o')
    const larger = new Uint8Array(bytes.length + 13)
    larger.set(bytes, 5)
    const elf = parseElf(larger.subarray(5, 5 + bytes.length), { core })
    assert.is(elf.symbol(1).name, 'elf-symbols.bpf.c')
    assert.equal(elf.rangeOf(elf.section('.BTF')!).offset, elf.section('.BTF')!.offset)
  })

  test(`the ${core} decodes each symbol and relocation once`, () => {
    const elf = open('elf-symbols.bpf.o')
    const { index } = elf.section('.maps')!
    const group = elf.symbolsIn(index)
    assert.is(elf.symbolsIn(index), group)
    assert.ok(group.every(symbol => elf.symbol(symbol.index) === symbol))
    const code = elf.section('socket')!.index
    assert.is(elf.relocations(code), elf.relocations(code))
  })
}

test('a symbol that does not exist is the mistake of the caller', () => {
  const elf = parseElf(fixture('elf-symbols.bpf.o'))
  for (const index of [-1, elf.symbolCount, Number.NaN])
    assert.throws(() => elf.symbol(index), /the file has 34 symbols/)
})

test('a section that does not exist has no symbols and no relocations', () => {
  const elf = parseElf(fixture('elf-symbols.bpf.o'))
  assert.is(elf.section('.nothing'), undefined)
  for (const index of [-1, 0, 34, 1e6]) {
    assert.equal(elf.symbolsIn(index), [])
    assert.equal(elf.relocations(index), [])
  }
})

test('of sections with one name, the first is found', () => {
  const patch = new Patch('elf-symbols.bpf.o')
  patch.section('.rodata', 'sh_name', patch.field('.data', 'sh_name'))
  const elf = parseElf(patch.bytes)
  assert.is(elf.section('.data')!.index, patch.indexOf('.data'))
  assert.is(elf.section('.rodata'), undefined)
})

test('.bss has a size and no bytes', () => {
  const elf = parseElf(fixture('elf-symbols.bpf.o'))
  const bss = elf.section('.bss')!
  assert.equal([bss.size, bss.data.length, elf.rangeOf(bss).length], [8, 0, 0]) // two u32 in the C source
})

test('a string is read where it has a start and an end, and nowhere else', () => {
  const elf = parseElf(fixture('elf-symbols.bpf.o'))
  const license = elf.section('license')!
  assert.equal(
    [0, 1, 3].map(offset => elf.stringAt(license, offset)),
    ['GPL', 'PL', ''],
  )
  assert.throws(() => elf.stringAt(license, 4), /^license\[4\]: is 4; the string table has 4 bytes/)
  const patch = new Patch('elf-symbols.bpf.o').contents('license', -1, 0x21)
  const endless = parseElf(patch.bytes)
  assert.throws(() => endless.stringAt(endless.section('license')!, 1), /^license\[1\]: .* has no end/)
})

test('an object without BTF or debug information parses', () => {
  const elf = parseElf(fixture('elf-no-debug.bpf.o'))
  assert.is(elf.section('.BTF'), undefined)
  assert.equal(elf.relocations(elf.section('socket')!.index).length, 1)
})

/** How many numbers are read out of a document while something runs. Counted, not timed: a busy machine reads no more. */
function countReads(run: () => void): number {
  const names = ['getUint8', 'getUint16', 'getUint32'] as const
  const kept = names.map(name => [name, DataView.prototype[name]] as const)
  let reads = 0
  for (const [name, read] of kept) {
    DataView.prototype[name] = function (this: DataView, at: number, littleEndian?: boolean): number {
      reads++
      return read.call(this, at, littleEndian)
    }
  }
  try {
    run()
    return reads
  } finally {
    for (const [name, read] of kept) DataView.prototype[name] = read
  }
}

for (const core of cores) {
  test(`the ${core} takes at most 8 times the reads for 4,096 maps that it takes for 1,024`, () => {
    const readsOf = (name: string): number => {
      const bytes = fixture(name)
      return countReads(() => {
        const elf = parseElf(bytes, { core })
        const maps = elf.symbolsIn(elf.section('.maps')!.index)
        for (const { index } of elf.sections) elf.relocations(index)
        assert.ok(maps.length >= 1024)
      })
    }
    const [few, many] = [readsOf('maps-1024.bpf.o'), readsOf('maps-4096.bpf.o')]
    // every map has a symbol, of which several fields are read; linear is 4 times, quadratic 16
    assert.ok(few > 1024, `${few} reads`)
    assert.ok(many < 8 * few, `${few} reads, then ${many}`)
  })
}

test.run()
