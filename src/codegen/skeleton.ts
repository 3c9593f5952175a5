import { didYouMean, typeName } from '../btf/index.ts'
import { BpfError, BtfError } from '../errors.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import type { VariableSpec } from '../spec/variables.ts'
import { type EmbeddedText, embeddedText } from './embedded.ts'
import { indent, type ValueType } from './fields.ts'
import { mapType } from './map-types.ts'
import { inComment, pascalCase, property, quoted, typeNameFor, UniqueNames } from './names.ts'
import { untypedBytes, ValueTypes } from './value-types.ts'

export interface SkeletonOptions {
  /** The object's file, as it is named in comments. */
  readonly source: string
  /** What is embedded: the bytes that the spec was made of. */
  readonly bytes: Uint8Array
  /** Further types of the object to declare, by their names in C: those of events in a ring buffer. */
  readonly types?: readonly string[]
  /** Compresses what is large. */
  readonly brotli?: (bytes: Uint8Array) => Uint8Array
  /** Characters that compressing must save. Default 65,536: it costs a millisecond at the start. */
  readonly worthwhile?: number
}

/** A typed skeleton of an object, in both of its forms. Equal objects give equal text. */
export interface Skeleton {
  /** A TypeScript module. */
  readonly ts: string
  /** The same as a JavaScript module and its declarations. */
  readonly js: string
  readonly dts: string
}

/** What the text of a skeleton is put together from. */
interface Parts {
  readonly name: string
  readonly source: string
  /** `Counter`: the functions are called after it. */
  readonly pascal: string
  /** `Counter`, or `Counter2` where that is taken: the types are called after it. */
  readonly type: string
  readonly declarations: readonly string[]
  readonly members: string
  readonly embedded: EmbeddedText
}

/** Types that a skeleton imports, where it uses them. */
const imported = [
  ...['AnyOf', 'BpfMap', 'BpfObject', 'Entry', 'HasFd', 'ObjectSpec', 'OpenOptions', 'PinnedLikeOptions'],
  ...['PinnedObject', 'StorageOwner', 'Variable'],
]

/** Types that are there without an import, which nothing is called like. */
const globals = [
  ...['Array', 'Boolean', 'Date', 'Error', 'Function', 'Map', 'Number', 'Object', 'Promise', 'Record', 'Set'],
  ...['String', 'Symbol', 'Uint8Array'],
]

/**
 * Writes the typed skeleton of an object: a module that has the object in it and opens it with the types of its maps,
 * variables and programs.
 *
 * @throws BpfError `ERR_UNKNOWN_NAME` for a type that the object does not have.
 */
export function generateSkeleton(spec: Spec, options: SkeletonOptions): Skeleton {
  const names = new UniqueNames([...imported, ...globals])
  const pascal = pascalCase(spec.name) || 'Object'
  const type = names.take(typeNameFor(spec.name, 'Object'), one => [
    `${one}Spec`,
    `${one}Types`,
    `Pinned${one}`,
  ])
  const btf = spec.kernelBtf?.()
  const values = btf && new ValueTypes(btf, names)
  const members = objectMembers(spec, values)
  for (const name of options.types ?? []) declareType(spec, name, values)
  const parts: Parts = {
    ...{ name: spec.name, source: options.source, pascal, type, members },
    declarations: values?.declarations ?? [],
    embedded: embeddedText(options.bytes, options.brotli, options.worthwhile),
  }
  return { ts: typescript(parts), js: javascript(parts), dts: declarations(parts) }
}

function declareType({ btf }: Spec, name: string, values: ValueTypes | undefined): void {
  const kinds = ['struct', 'union', 'enum', 'enum64', 'typedef'] as const
  const found = kinds.map(kind => btf?.find(name, kind)).find(type => type !== undefined)
  if (btf && values && found) {
    const { kind } = btf.resolve(found.id)
    if (kind === 'struct' || kind === 'union' || kind === 'enum' || kind === 'enum64') {
      values.of(found.id)
      return
    }
  }
  const known = btf ? kinds.flatMap(kind => [...btf.ids(kind)].map(id => btf.nameOf(id))) : []
  throw new BpfError(`the object has no struct, union or enum '${name}'${didYouMean(name, known)}`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: 'bpfpin inspect --btf c shows its types; what no program uses the compiler leaves out',
  })
}

function objectMembers(spec: Spec, values: ValueTypes | undefined): string {
  const { maps, programs, variables } = spec
  const ops = maps.filter(({ structOps }) => structOps)
  const attachable = programs.filter(({ type }) => type !== 'struct_ops' && type !== 'syscall')
  const item = (variable: VariableSpec): Item => ({
    name: variable.name,
    comment: variableComment(spec, variable),
    type: variableType(variable, values),
  })
  const lines = [
    `readonly maps: ${record(
      maps.map(map => ({ name: map.name, comment: mapComment(spec, map), type: mapType(spec, map, values) })),
    )}`,
    `readonly programs: ${union(programs)}`,
    `readonly links: ${union([...attachable, ...ops])}`,
    `readonly structOps: ${union(ops)}`,
    `readonly variables: ${record(variables.map(item))}`,
    `readonly initial: ${union(variables.filter(({ linkage }) => linkage !== 'extern'))}`,
  ]
  return `{\n${lines.map(line => `${indent(line)}\n`).join('')}}`
}

interface Item {
  readonly name: string
  readonly comment: string
  readonly type: string
}

function record(items: readonly Item[]): string {
  if (items.length === 0) return 'Record<never, never>'
  const lines = items.flatMap(({ name, comment, type }) => [
    `/** ${inComment(comment)} */`,
    `readonly ${property(name)}: ${type}`,
  ])
  return `{\n${lines.map(line => `${indent(line)}\n`).join('')}}`
}

function union(items: readonly { readonly name: string }[]): string {
  return items.length === 0 ? 'never' : items.map(({ name }) => quoted(name)).join(' | ')
}

function argumentsOf({ read, write }: ValueType): string {
  return read === write ? read : `${read}, ${write}`
}

function variableType({ type }: VariableSpec, values: ValueTypes | undefined): string {
  try {
    return `Variable<${argumentsOf(values?.of(type) ?? untypedBytes)}>`
  } catch (error) {
    // a type that no codec can be made of
    if (error instanceof BtfError) return 'Variable'
    throw error
  }
}

function mapComment({ btf }: Spec, { type, keyType, valueType, maxEntries, section }: MapSpec): string {
  if (section) return `${type}: its variables are under \`variables\`, too`
  const name = (id: number): string => (btf && id !== 0 ? `\`${typeName(btf, id)}\`` : 'bytes')
  const entries = maxEntries === 0 ? '' : `, max_entries ${maxEntries}`
  return keyType === 0 && valueType === 0
    ? `${type}${entries}`
    : `${type}, ${name(keyType)} to ${name(valueType)}${entries}`
}

function variableComment({ btf }: Spec, { type, map, offset, size }: VariableSpec): string {
  const declared = btf ? `\`${typeName(btf, type)}\` ` : ''
  return `${declared}in ${map} at ${offset}, ${size} bytes`
}

function head({ source }: Parts): string {
  return `/* eslint-disable */\n// Made of ${inComment(source)} by bpfpin gen: do not edit, generate it again.\n`
}

/** Declarations of types, which both forms have. */
function types({ name, source, type, members, declarations }: Parts): string {
  const what = inComment(source)
  return [
    ...declarations,
    `/** What is in \`${what}\`. */\nexport interface ${type}Types ${members}\n`,
    `/** The object as parsed: what can be changed before it is loaded. */\nexport type ${type}Spec = ObjectSpec<${type}Types>\n`,
    `/** The object, loaded. */\nexport type ${type} = BpfObject<${type}Types>\n`,
    `/** The object as it is pinned under \`${inComment(name)}\`. */\nexport type Pinned${type} = PinnedObject<${type}Types>\n`,
  ].join('\n')
}

function comments({ source, name }: Parts): { readonly open: string; readonly openPinned: string } {
  const [file, pin] = [inComment(source), inComment(name)]
  return {
    open: `/** Opens \`${file}\`, which is in this module: as \`openObject()\`. */`,
    openPinned:
      `/**\n * Opens what is pinned under \`${pin}\`, from any process: as \`openPinned()\`. Throws PinMismatchError where its types\n` +
      ' * are not those of this module.\n */',
  }
}

function typescript(parts: Parts): string {
  const { pascal, type } = parts
  const comment = comments(parts)
  const body = [
    types(parts),
    `${comment.open}\nexport function open${pascal}(options: OpenOptions = {}): ${type}Spec {\n  return specFromEmbedded<${type}Types>(object, options)\n}\n`,
    `${comment.openPinned}\nexport function openPinned${pascal}(options: PinnedLikeOptions = {}): Pinned${type} {\n  return pinnedLikeEmbedded<${type}Types>(object, options)\n}\n`,
  ].join('\n')
  const names = [...importsIn(body).map(name => `type ${name}`), 'pinnedLikeEmbedded', 'specFromEmbedded']
  return `${head(parts)}${importing('import', names)}\n${body}\n${constant(parts, ' as const')}`
}

function javascript(parts: Parts): string {
  const { pascal } = parts
  const comment = comments(parts)
  return [
    `${head(parts)}${importing('import', ['pinnedLikeEmbedded', 'specFromEmbedded'])}`,
    `${comment.open}\nexport function open${pascal}(options = {}) {\n  return specFromEmbedded(object, options)\n}\n`,
    `${comment.openPinned}\nexport function openPinned${pascal}(options = {}) {\n  return pinnedLikeEmbedded(object, options)\n}\n`,
    constant(parts, ''),
  ].join('\n')
}

function declarations(parts: Parts): string {
  const { pascal, type } = parts
  const comment = comments(parts)
  const body = [
    types(parts),
    `${comment.open}\nexport declare function open${pascal}(options?: OpenOptions): ${type}Spec\n`,
    `${comment.openPinned}\nexport declare function openPinned${pascal}(options?: PinnedLikeOptions): Pinned${type}\n`,
  ].join('\n')
  return `${head(parts)}${importing('import type', importsIn(body))}\n${body}`
}

function importsIn(body: string): string[] {
  // in the code alone: a name in a comment or a text needs no import
  const code = body.replace(/'(?:\\.|[^'\\])*'|\/\*.*?\*\//gs, '')
  return imported.filter(name => new RegExp(`\\b${name}\\b`).test(code))
}

function importing(keyword: string, names: readonly string[]): string {
  return `${keyword} {\n${names.map(name => `  ${name},\n`).join('')}} from ${quoted('bpfpin')}\n`
}

function constant({ name, embedded }: Parts, suffix: string): string {
  const { encoding, data } = embedded
  const fields = `name: ${quoted(name)}, encoding: ${quoted(encoding)}`
  return `const object = {\n  ${fields},\n  data: '${data}',\n}${suffix}\n`
}
