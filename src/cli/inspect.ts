import { openObject } from '../api/open-object.ts'
import { type Btf, type TypeId, typeName, type Value } from '../btf/index.ts'
import type { ExternSpec } from '../spec/externs/declarations.ts'
import type { MapSpec, ProgramSpec, Spec } from '../spec/types.ts'
import type { VariableSpec } from '../spec/variables.ts'
import { type Cell, indentedColumns } from './columns.ts'
import { type Command, exitCodes, objectAdvice } from './command.ts'
import { printBtf } from './inspect-btf.ts'
import type { Output } from './output.ts'
import { valueText } from './value-text.ts'

export const inspect: Command = {
  options: {
    btf: {
      ...{ value: 'FORMAT', words: ['c'] },
      text: 'print the types in the file instead: c, as a header that BPF programs can include',
    },
  },
  details: [
    'Shows the maps, programs and variables of OBJECT, an ELF file with BPF programs. It is only read: this works',
    'without root, for objects of the other byte order, and where there is no BPF.',
    '',
    'With --btf c the types in a file are printed as a C header, each struct laid out as it is there: of an object, or of any',
    'file that has BTF. Of the running kernel that is vmlinux.h: bpfpin inspect --btf c /sys/kernel/btf/vmlinux.',
    '',
    'With --json: {name, path, byteOrder, license, maps: [{name, type, keySize, valueSize, maxEntries, flags, key,',
    'value}], programs: [{name, section, type, attachType, target, instructions, autoload}], variables: [{name, map,',
    'type, offset, size, value}], externs: [{name, kind, type, weak}]}. key, value and type are types as C writes them,',
    'null where they are not known; an extern is of kind kconfig, symbol, variable or function; path is where the object',
    'would be pinned. With --btf c: {declarations}, the text.',
  ].join('\n'),
  advice: objectAdvice,
  purpose: operand => `inspect '${operand}'`,
  run({ operands: [source = ''], options, root }, output) {
    if (typeof options.btf === 'string') {
      printBtf(source, options.btf, output)
      return exitCodes.done
    }
    const object = openObject(source, { root })
    if (output.json) output.document(documentOf(object.spec, object.pinPath))
    else printSpec(object.spec, object.pinPath, output)
    return exitCodes.done
  },
}

function documentOf(spec: Spec, path: string): object {
  const { name, elf, license, maps, programs, externs, btf } = spec
  return {
    name,
    path,
    byteOrder: elf.littleEndian ? 'little' : 'big',
    license,
    maps: maps.map(map => mapFields(map, btf)),
    programs: programs.map(programFields),
    variables: ownVariables(spec).map(variable => variableFields(variable, spec)),
    externs: externs.map(extern => ({
      name: extern.name,
      kind: extern.kind,
      type: typeText(btf, typeOf(extern)),
      weak: extern.isWeak,
    })),
  }
}

function typeOf(extern: ExternSpec): TypeId {
  return extern.kind === 'kconfig' ? extern.variable.type : extern.type
}

function mapFields(map: MapSpec, btf: Btf | undefined): object {
  const { name, type, keySize, valueSize, maxEntries, flags } = map
  const key = typeText(btf, map.keyType)
  // a data section's value is all of its variables, which are listed by themselves
  const value = map.section ? null : typeText(btf, map.valueType)
  const inner = map.inner ? { inner: mapFields(map.inner, btf) } : {}
  return { name, type, keySize, valueSize, maxEntries, flags, key, value, ...inner }
}

function programFields(program: ProgramSpec): object {
  const { name, section, type, attachType = null, autoload } = program
  const target = program.rule?.extra || null
  return { name, section, type, attachType, target, instructions: program.body.length, autoload }
}

function variableFields(variable: VariableSpec, { btf, maps }: Spec): object {
  const { name, map, offset, size } = variable
  const type = typeText(btf, variable.type)
  const value = isZeroed(variable, maps) ? undefined : variable.get()
  return { name, map, type, offset, size, ...(value === undefined ? {} : { value }) }
}

/** What the kernel's configuration is to say is listed with what else is defined elsewhere. */
function ownVariables({ variables }: Spec): VariableSpec[] {
  return variables.filter(({ linkage }) => linkage !== 'extern')
}

/** What `.bss` starts with is not in the file. */
function isZeroed({ map }: VariableSpec, maps: readonly MapSpec[]): boolean {
  return maps.find(({ name }) => name === map)?.section?.kind === 'bss'
}

function typeText(btf: Btf | undefined, id: TypeId): string | null {
  return btf && id !== 0 ? typeName(btf, id) : null
}

function printSpec(spec: Spec, path: string, { paint, print, width }: Output): void {
  const { name, elf, license, maps, programs, externs, btf } = spec
  const section = (title: string, rows: readonly (readonly Cell[])[]): string[] =>
    rows.length === 0 ? [] : ['', title, ...indentedColumns(rows, paint, width)]
  const facts = [
    elf.littleEndian ? 'little-endian' : 'big-endian',
    license === '' ? 'no licence' : `licence ${license}`,
    ...(btf ? [] : ['no BTF']),
  ]
  print([
    `${paint('bold', name)}  ${paint('dim', `${facts.join(', ')}; its pins: ${path}`)}`,
    ...section(
      'maps',
      maps.map(map => mapRow(map, btf)),
    ),
    ...section('programs', programs.map(programRow)),
    ...section(
      'variables',
      ownVariables(spec).map(variable => variableRow(variable, spec)),
    ),
    ...section(
      'defined elsewhere',
      externs.map(extern => externRow(extern, btf)),
    ),
  ])
}

function mapRow(map: MapSpec, btf: Btf | undefined): Cell[] {
  const { name, type, keySize, valueSize, maxEntries } = map
  const part = (id: TypeId, size: number): string => {
    const text = typeText(btf, id)
    return text === null ? `${size} B` : `${text} (${size} B)`
  }
  const sizes = map.section
    ? `${valueSize} B`
    : `${part(map.keyType, keySize)} -> ${part(map.valueType, valueSize)}`
  return [
    { text: name, style: 'bold' },
    { text: type, style: 'cyan' },
    sizes,
    map.section ? '' : `max ${maxEntries}`,
  ]
}

function programRow({ name, section, type, rule, body, autoload }: ProgramSpec): Cell[] {
  return [
    { text: name, style: 'bold' },
    { text: rule ? type : 'unknown type', style: 'cyan' },
    `SEC("${section}")`,
    `${body.length} instructions${autoload ? '' : ', not loaded'}`,
  ]
}

function externRow(extern: ExternSpec, btf: Btf | undefined): Cell[] {
  const { name, kind, isWeak } = extern
  const what = kind === 'function' ? 'kernel function' : kind
  return [
    { text: name, style: 'bold' },
    { text: what, style: 'cyan' },
    typeText(btf, typeOf(extern)) ?? '',
    isWeak ? 'weak' : '',
  ]
}

/** A long value is cut: all of it is in the JSON. */
const longestValue = 60

function variableRow(variable: VariableSpec, { btf, maps }: Spec): Cell[] {
  const { name, map } = variable
  const text = isZeroed(variable, maps) ? '' : `= ${short(variable.get())}`
  return [
    { text: name, style: 'bold' },
    { text: map, style: 'cyan' },
    typeText(btf, variable.type) ?? '',
    text,
  ]
}

function short(value: Value): string {
  const text = valueText(value)
  return text.length > longestValue ? `${text.slice(0, longestValue)}...` : text
}
