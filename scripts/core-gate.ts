import { decode } from '@webassemblyjs/wasm-parser'

/** Types of a function's parameters and results, in the words of WebAssembly: `i32`. */
export interface FunctionType {
  readonly params: readonly string[]
  readonly results: readonly string[]
}

/** What the module must be. */
export interface Expected {
  /** The functions that it exports, all of them; the memory is exported as `memory`. */
  readonly functions: readonly string[]
  readonly maximumPages: number
}

// The parts of the package's tree that are looked at. Only headers are decoded: its code decoder is wrong for
// bulk-memory instructions, which the core uses.
type Field =
  | { type: 'ModuleImport'; module: string; name: string }
  | { type: 'Memory'; limits: { min: number; max?: number; shared?: boolean } }
  | { type: 'Func'; signature: { params: { valtype: string }[]; results: string[] } }
  | { type: 'ModuleExport'; name: string; descr: { exportType: string; id: { value: number } } }
  | { type: 'Start' | 'Global' | 'Table' | 'Elem' | 'Data' | 'TypeInstruction' }

interface ModuleTree {
  readonly fields: readonly Field[]
  readonly metadata: { readonly sections: readonly { readonly section: string }[] }
}

/** No start, table, element, data, global or custom section: the core is functions over one memory. */
const allowedSections = ['type', 'func', 'memory', 'export', 'code']

/** The signatures of the exported functions. Throws with everything that the module must not be. */
export function checkModule(wasm: Uint8Array, expected: Expected): Map<string, FunctionType> {
  const tree = decodeHeaders(wasm)
  const problems = [
    ...importProblems(tree),
    ...sectionProblems(tree),
    ...memoryProblems(tree, expected.maximumPages),
    ...exportProblems(tree, expected.functions),
  ]
  if (problems.length > 0) throw new Error(`the module ${problems.join(', ')}`)
  return signatures(tree)
}

function decodeHeaders(wasm: Uint8Array): ModuleTree {
  const program = decode(wasm, {
    ignoreCodeSection: true,
    ignoreDataSection: true,
    ignoreCustomNameSection: true,
  })
  // the package has no types; these are the ones that its decoder makes
  return (program as { body: [ModuleTree] }).body[0]
}

function importProblems({ fields }: ModuleTree): string[] {
  return fields.flatMap(field =>
    field.type === 'ModuleImport' ? [`imports ${field.module}.${field.name}`] : [],
  )
}

function sectionProblems({ fields, metadata }: ModuleTree): string[] {
  const names = metadata.sections.map(({ section }) => section)
  const problems = names
    .filter(name => !allowedSections.includes(name))
    .map(name => `has a section '${name}'`)
  if (fields.some(({ type }) => type === 'Start')) problems.push('has a start function')
  return problems
}

function memoryProblems({ fields }: ModuleTree, maximumPages: number): string[] {
  const memories = fields.filter(field => field.type === 'Memory')
  if (memories.length !== 1) return [`has ${memories.length} memories`]
  const { max, shared } = memories[0]!.limits
  const problems: string[] = []
  if (max === undefined) problems.push('has a memory without a bound')
  else if (max !== maximumPages) problems.push(`has a memory of up to ${max} pages, not ${maximumPages}`)
  if (shared === true) problems.push('shares its memory')
  return problems
}

function exportProblems(tree: ModuleTree, functions: readonly string[]): string[] {
  const wanted = ['memory Memory', ...functions.map(name => `${name} Func`)]
  const found = exportsOf(tree).map(({ name, descr }) => `${name} ${descr.exportType}`)
  return [
    ...wanted.filter(name => !found.includes(name)).map(name => `does not export ${name}`),
    ...found.filter(name => !wanted.includes(name)).map(name => `exports ${name}`),
  ]
}

function exportsOf({ fields }: ModuleTree) {
  return fields.filter(field => field.type === 'ModuleExport')
}

function signatures(tree: ModuleTree): Map<string, FunctionType> {
  const functions = tree.fields.filter(field => field.type === 'Func')
  const exported = exportsOf(tree).filter(({ descr }) => descr.exportType === 'Func')
  return new Map(
    exported.map(({ name, descr }) => {
      const { params, results } = functions[descr.id.value]!.signature
      return [name, { params: params.map(({ valtype }) => valtype), results }]
    }),
  )
}
