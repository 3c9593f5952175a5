import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Btf, readBtf, type SectionFill, type TypeId } from '../../src/btf/index.ts'
import { type ElfFile, parseElf } from '../../src/elf/index.ts'

const fixtures = new URL('../fixtures/', import.meta.url)

/** An object with its BTF read in place, as the loader does it. */
export interface BtfObject {
  readonly path: string
  readonly elf: ElfFile
  readonly btf: Btf
}

export function openFixture(name: string): BtfObject {
  const path = fileURLToPath(new URL(name, fixtures))
  const elf = parseElf(readFileSync(path))
  const section = elf.section('.BTF')
  if (!section) throw new Error(`${name} has no BTF`)
  return { path, elf, btf: readBtf(elf.scanner, elf.rangeOf(section)) }
}

/** Every fixture that has the section. */
export function fixturesWith(section: '.BTF' | '.BTF.ext'): string[] {
  return readdirSync(fixtures)
    .filter(name => name.endsWith('.bpf.o'))
    .filter(name => parseElf(readFileSync(new URL(name, fixtures))).section(section) !== undefined)
}

/** The bytes of a global variable as the compiler wrote them. */
export function bytesOf({ elf }: BtfObject, name: string): Uint8Array {
  for (const section of elf.sections) {
    const symbol = elf.symbolsIn(section.index).find(candidate => candidate.name === name)
    if (symbol) return section.data.subarray(symbol.value, symbol.value + symbol.size)
  }
  throw new Error(`there is no variable ${name}`)
}

/** What the ELF file knows about the data sections: their sizes, and where their variables are. */
export function fillsOf({ btf, elf }: BtfObject): Map<TypeId, SectionFill> {
  const fills = new Map<TypeId, SectionFill>()
  for (const id of btf.ids('datasec')) {
    const datasec = btf.type(id)
    const section = elf.section(datasec.name)
    if (datasec.kind !== 'datasec' || !section) continue
    const places = new Map(elf.symbolsIn(section.index).map(symbol => [symbol.name, symbol.value]))
    const offsets = datasec.variables.map(entry => places.get(btf.nameOf(entry.type))!)
    fills.set(id, { size: section.size, offsets })
  }
  return fills
}

/** What a command prints. What it complains about is shown only if it fails. */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 27, stdio: 'pipe' })
}

/** What bpftool says about the types in a file, with 64-bit numbers as they are written. */
export function bpftoolTypes(...args: string[]): DumpedType[] {
  const json = run('bpftool', 'btf', 'dump', 'file', ...args, '--json')
  const exact = json.replace(/"val":(-?\d{16,})/g, '"val":"$1"')
  const { types }: { types: DumpedType[] } = JSON.parse(exact)
  return types.map(type => (type.kind === 'ENUM' ? withoutSignExtension(type) : type))
}

/** bpftool 7.1 prints 0xfffffff0 in an unsigned enum as 18446744073709551600. */
function withoutSignExtension(type: DumpedType): DumpedType {
  const values = type.values?.map(({ name, val }) => ({
    name,
    val: typeof val === 'string' ? Number(BigInt.asUintN(32, BigInt(val))) : val,
  }))
  return values ? { ...type, values } : type
}

/** A type in the output of `bpftool btf dump --json`. */
export interface DumpedType {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly size?: number
  readonly type_id?: number
  readonly ret_type_id?: number
  readonly index_type_id?: number
  readonly nr_elems?: number
  readonly vlen?: number
  readonly bits_offset?: number
  readonly nr_bits?: number
  readonly encoding?: string
  readonly fwd_kind?: string
  readonly linkage?: string
  readonly component_idx?: number
  readonly members?: readonly { name: string; type_id: number; bits_offset: number; bitfield_size?: number }[]
  readonly values?: readonly { name: string; val: number | string }[]
  readonly params?: readonly { name: string; type_id: number }[]
  readonly vars?: readonly { type_id: number; offset: number; size: number }[]
}
