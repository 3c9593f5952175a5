// Two compilations of one source can number their types differently: clang goes through forward declarations in the
// order of their addresses in memory, which the length of a path can change.
import { type Btf, lineRow, parseBtf, parseBtfExt, type TypeId } from '../src/btf/index.ts'
import { type ElfFile, parseElf } from '../src/elf/index.ts'

/** Whether two objects are equal but for the order of their types, and of the types' names. */
export function isSameButForTypeOrder(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [parseElf(a), parseElf(b)]
  if (!one.section('.BTF') || !other.section('.BTF')) return false
  return sections(one) === sections(other) && types(one) === types(other)
}

/** All sections but those with types, byte by byte. */
function sections(elf: ElfFile): string {
  return JSON.stringify(
    elf.sections.map(({ data, offset, ...section }) => [
      section,
      ['.BTF', '.BTF.ext'].includes(section.name) ? [] : Buffer.from(data).toString('base64'),
    ]),
  )
}

/** The types and what refers to them, with types numbered as they are met from the named ones, in order of names. */
function types(elf: ElfFile): string {
  const btf = parseBtf(elf.section('.BTF')!.data)
  const numbers = new Map<TypeId, number>([[0, 0]])
  const met: TypeId[] = []
  const numberOf = (id: TypeId): number => {
    if (!numbers.has(id)) numbers.set(id, met.push(id))
    return numbers.get(id)!
  }
  for (const id of namedFirst(btf)) numberOf(id)
  const described: string[] = []
  for (const id of met) described.push(JSON.stringify({ ...btf.type(id), id: 0 }, references(numberOf)))
  const ext = elf.section('.BTF.ext')
  return JSON.stringify([described, ext ? extension(ext.data, btf, numberOf) : []])
}

/** Types that cannot be told from others by name come last, where what refers to them has not met them. */
function namedFirst(btf: Btf): TypeId[] {
  const key = (id: TypeId) => `${btf.nameOf(id)}\0${btf.kindOf(id)}`
  const ids = Array.from({ length: btf.count }, (_, index) => index + 1)
  const named = ids
    .filter(id => btf.nameOf(id) !== '')
    .sort((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))))
  return named.concat(ids.filter(id => btf.nameOf(id) === ''))
}

function references(numberOf: (id: TypeId) => number) {
  const fields = ['type', 'elementType', 'indexType', 'returnType']
  return (key: string, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return fields.includes(key) && typeof value === 'number' ? numberOf(value) : value
  }
}

function extension(bytes: Uint8Array, btf: Btf, numberOf: (id: TypeId) => number): unknown {
  const { functions, lines, coreRelocations } = parseBtfExt(bytes, btf)
  const line = (cell: number, at: number) => ([1, 2].includes(at % lineRow) ? btf.string(cell) : cell)
  return [
    Array.from(functions, ([name, rows]) => [
      name,
      Array.from(rows, (cell, at) => (at % 2 ? numberOf(cell) : cell)),
    ]),
    Array.from(lines, ([name, rows]) => [name, Array.from(rows, line)]),
    Array.from(coreRelocations, ([name, list]) => [
      name,
      list.map(each => ({ ...each, type: numberOf(each.type) })),
    ]),
  ]
}
