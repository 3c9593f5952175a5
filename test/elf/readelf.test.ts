import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ElfFile, parseElf, type SymbolPlace } from '../../src/elf/index.ts'
import { cores, objects } from '../parser/documents.ts'
import { needs } from '../requirements.ts'

// the part of llvm-readelf's JSON that is compared
interface Named {
  readonly Name: string
  readonly Value: number
}
interface Listing {
  readonly ElfHeader: {
    readonly Ident: { readonly DataEncoding: Named }
    readonly Machine: Named
    readonly Flags: { readonly Value: number }
  }
  readonly Sections: readonly {
    readonly Section: {
      readonly Index: number
      readonly Name: Named
      readonly Type: Named
      readonly Flags: { readonly Value: number }
      readonly Offset: number
      readonly Size: number
      readonly Link: number
      readonly Info: number
      readonly AddressAlignment: number
      readonly EntrySize: number
    }
  }[]
  readonly Symbols: readonly {
    readonly Symbol: {
      readonly Name: Named
      readonly Value: number
      readonly Size: number
      readonly Binding: Named
      readonly Type: Named
      readonly Other: { readonly Value: number }
      readonly Section: Named
    }
  }[]
  readonly Relocations: readonly {
    readonly SectionIndex: number
    readonly Relocs: readonly {
      readonly Relocation: { readonly Offset: number; readonly Type: Named; readonly Symbol: Named }
    }[]
  }[]
}

function readelf(path: string): Listing {
  const flags = ['-h', '-S', '-s', '-r', '--elf-output-style=JSON', path]
  const text = execFileSync('llvm-readelf-19', flags, { encoding: 'utf8', maxBuffer: 1 << 28 })
  return JSON.parse(text)[0]
}

const kinds: Record<string, string> = { None: 'notype', Function: 'func' }
const places: Record<number, SymbolPlace> = { 0: 'undefined', 65521: 'absolute', 65522: 'common' }
const visibilities = ['default', 'internal', 'hidden', 'protected']

function compareHeader(elf: ElfFile, { ElfHeader }: Listing): void {
  assert.is(elf.littleEndian, ElfHeader.Ident.DataEncoding.Value === 1)
  assert.is(elf.machine, ElfHeader.Machine.Value)
  assert.is(elf.flags, ElfHeader.Flags.Value)
}

function compareSections(elf: ElfFile, { Sections }: Listing, bytes: Uint8Array): void {
  assert.is(elf.sections.length, Sections.length)
  for (const { Section: theirs } of Sections) {
    const { data, ...ours } = elf.sections[theirs.Index]!
    assert.equal(ours, {
      index: theirs.Index,
      name: theirs.Name.Name,
      type: theirs.Type.Value,
      flags: theirs.Flags.Value,
      offset: theirs.Offset,
      size: theirs.Size,
      link: theirs.Link,
      info: theirs.Info,
      entrySize: theirs.EntrySize,
      align: theirs.AddressAlignment,
    })
    const end = ['SHT_NULL', 'SHT_NOBITS'].includes(theirs.Type.Name)
      ? theirs.Offset
      : theirs.Offset + theirs.Size
    assert.is(Buffer.compare(data, bytes.subarray(theirs.Offset, end)), 0, ours.name)
    assert.equal(elf.rangeOf(elf.sections[theirs.Index]!), {
      offset: theirs.Offset,
      length: end - theirs.Offset,
    })
  }
}

function compareSymbols(elf: ElfFile, { Symbols }: Listing): void {
  assert.is(elf.symbolCount, Symbols.length)
  for (const [index, { Symbol: theirs }] of Symbols.entries()) {
    const kind = kinds[theirs.Type.Name] ?? theirs.Type.Name.toLowerCase()
    assert.equal(elf.symbol(index), {
      index,
      // readelf shows a section symbol by the name of its section; it has none itself
      name: kind === 'section' ? '' : theirs.Name.Name,
      value: theirs.Value,
      size: theirs.Size,
      binding: theirs.Binding.Name.toLowerCase(),
      kind,
      visibility: visibilities[theirs.Other.Value & 3],
      section: places[theirs.Section.Value] ?? theirs.Section.Value,
    })
  }
}

function compareRelocations(elf: ElfFile, { Sections, Relocations }: Listing): void {
  const targets = new Set<number>()
  for (const { SectionIndex, Relocs } of Relocations) {
    const target = Sections[SectionIndex]!.Section.Info
    targets.add(target)
    const theirs = Relocs.map(({ Relocation }) => ({
      offset: Relocation.Offset,
      type: Relocation.Type.Value,
      symbol: Relocation.Symbol.Value,
    })).sort((a, b) => a.offset - b.offset)
    assert.equal(elf.relocations(target), theirs)
  }
  for (const { index } of elf.sections) {
    if (!targets.has(index)) assert.equal(elf.relocations(index), [])
  }
}

const fixtures = objects()

for (const { name, path, bytes } of fixtures) {
  needs(test, 'llvm-readelf-19')(
    `${name} has the sections, symbols and relocations that llvm-readelf lists`,
    () => {
      const listing = readelf(path)
      for (const core of cores) {
        const elf = parseElf(bytes, { core })
        compareHeader(elf, listing)
        compareSections(elf, listing, bytes)
        compareSymbols(elf, listing)
        compareRelocations(elf, listing)
      }
    },
  )
}

test('objects of both byte orders are among the fixtures', () => {
  const orders = new Set(fixtures.map(({ bytes }) => parseElf(bytes).littleEndian))
  assert.is(orders.size, 2)
})

test.run()
