import { BpfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import type { TypeAt } from './compare.ts'
import type { Conversion, CopyOperation, FieldPair, IntegerPlace } from './conversion.ts'
import { type Field, fieldsOf, uniqueNames } from './layout.ts'
import { depthLimit } from './measure.ts'
import { didYouMean } from './near.ts'
import type { BtfComposite, BtfDatasec, TypeId } from './types.ts'

/** How C code asks for sums: `__u64 packets __attribute__((btf_decl_tag("bpfpin:sum")))`. */
const sumTag = 'bpfpin:sum'

/**
 * The conversion with sums where the wanted side's C code or `merge` asks for them: what both an old and a new writer
 * counted is added up. Asked for is a number, by the path of its field (`packets`, `slots[].hits`, `''` for a value that
 * is one), or an array of numbers.
 *
 * @throws BpfError `ERR_UNKNOWN_NAME` for a field that is not there, `ERR_VALUE` for one that is no integer of 4 or 8
 * bytes on a multiple of them: only those can be added to while a program writes them.
 */
export function withMerge(
  conversion: Conversion,
  wanted: TypeAt,
  merge: Readonly<Record<string, 'sum'>>,
): Conversion {
  const paths = new Set([...taggedPaths(wanted.btf, wanted.id), ...Object.keys(merge)])
  if (paths.size === 0) return conversion
  const fields = new Map(leavesOf(fieldsOf(wanted.btf, wanted.id), ''))
  const sums = new Map<string, Field>()
  for (const path of paths) {
    const leaf = [path, `${path}[]`, `${path}[][]`].find(name => fields.has(name))
    const field = leaf === undefined ? undefined : fields.get(leaf)
    if (leaf === undefined || !field) throw unknown(path, fields)
    const problem = problemWith(field)
    if (problem !== undefined) throw notSummable(path, problem)
    sums.set(leaf.replace(/(\[\])+$/, ''), field)
  }
  const pairs = conversion.pairs.map(pair => {
    const field = sums.get(pair.path)
    return field ? asSum(pair, field) : pair
  })
  return { ...conversion, pairs }
}

function unknown(path: string, fields: ReadonlyMap<string, Field>): BpfError {
  const names = [...fields.keys()]
  const isStruct = names.some(name => name.startsWith(`${path}.`) || name.startsWith(`${path}[].`))
  if (isStruct) return notSummable(path, 'it is a struct: name its fields')
  return new BpfError(`there is no field '${path}' to sum${didYouMean(path, names)}`, {
    code: 'ERR_UNKNOWN_NAME',
  })
}

function notSummable(path: string, problem: string): BpfError {
  return new BpfError(`field '${path}' cannot be summed: ${problem}`, {
    code: 'ERR_VALUE',
    hint: 'sums are for integers of 4 or 8 bytes, which the kernel can add to while a program writes them',
  })
}

/** Every field that is no array, with `[]` in its path for each array that it is in. */
function* leavesOf(fields: readonly Field[], above: string): Generator<[string, Field]> {
  for (const field of fields) {
    const path = field.path === '' || above === '' ? above + field.path : `${above}.${field.path}`
    if (field.shape.kind === 'array') yield* leavesOf(field.shape.fields, `${path}[]`)
    else yield [path, field]
  }
}

function problemWith({ shape, size, bitSize, bitOffset, overlap }: Field): string | undefined {
  if (shape.kind !== 'int' || shape.bool)
    return `it is ${shape.kind === 'int' ? 'a bool' : `of kind ${shape.kind}`}`
  if (overlap) return 'it shares its bytes with other members of a union'
  if (bitSize < 8 * size) return 'it is a bitfield'
  if (size !== 4 && size !== 8) return `it has ${size} bytes`
  return bitOffset % bitSize === 0 ? undefined : `it lies at byte ${bitOffset / 8}, no multiple of ${size}`
}

function asSum(pair: FieldPair, field: Field): FieldPair {
  const copy = integerCopy(pair.copy, field)
  if (isAligned(copy, field.size)) return { ...pair, copy, merge: 'sum' }
  throw notSummable(pair.path, `not all of its elements lie on a multiple of ${field.size} bytes`)
}

function isAligned(copy: CopyOperation, size: number): boolean {
  if (copy.op !== 'each') return copy.op === 'integer' && copy.to.bitOffset % (8 * size) === 0
  const { to, toStride, operations } = copy
  return to % size === 0 && toStride % size === 0 && operations.every(inner => isAligned(inner, size))
}

function integerCopy(copy: CopyOperation, field: Field): CopyOperation {
  switch (copy.op) {
    case 'integer':
      return copy
    case 'each':
      return { ...copy, operations: copy.operations.map(inner => integerCopy(inner, field)) }
    case 'bytes': {
      const { from, to, size } = copy
      const place = (offset: number): IntegerPlace => ({
        bitOffset: 8 * offset,
        bitSize: field.bitSize,
        signed: field.shape.kind === 'int' && field.shape.signed,
      })
      if (size === field.size) return { op: 'integer', from: place(from), to: place(to) }
      return {
        ...{ op: 'each', count: size / field.size, from, to, fromStride: field.size, toStride: field.size },
        operations: [{ op: 'integer', from: place(0), to: place(0) }],
      }
    }
  }
}

/** Paths of what the C code tagged: members, variables, and fields whose typedef is tagged. */
function taggedPaths(btf: Btf, id: TypeId): Set<string> {
  const members = new Map<TypeId, Set<number>>()
  for (const tag of btf.ids('decl_tag')) {
    const type = btf.type(tag)
    if (type.kind !== 'decl_tag' || type.name !== sumTag) continue
    const known = members.get(type.type)
    if (known) known.add(type.component)
    else members.set(type.type, new Set([type.component]))
  }
  const paths = new Set<string>()
  if (members.size > 0) new TagWalk(btf, members, paths).walk(id, '', 0)
  return paths
}

class TagWalk {
  readonly #btf: Btf
  readonly #tagged: ReadonlyMap<TypeId, ReadonlySet<number>>
  readonly #paths: Set<string>

  constructor(btf: Btf, tagged: ReadonlyMap<TypeId, ReadonlySet<number>>, paths: Set<string>) {
    this.#btf = btf
    this.#tagged = tagged
    this.#paths = paths
  }

  walk(id: TypeId, path: string, depth: number): void {
    if (depth > depthLimit) return
    if (this.#tagged.get(id)?.has(-1)) {
      this.#paths.add(path)
      return
    }
    const type = this.#btf.type(id)
    switch (type.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
      case 'var':
        this.walk(type.type, path, depth + 1)
        return
      case 'array':
        this.walk(type.elementType, `${path}[]`, depth + 1)
        return
      case 'struct':
      case 'union':
        this.#members(type, path, depth)
        return
      case 'datasec':
        this.#variables(type, depth)
        return
      default:
    }
  }

  #members(composite: BtfComposite, path: string, depth: number): void {
    const tagged = this.#tagged.get(composite.id)
    composite.members.forEach(({ name, type }, i) => {
      const inner = name === '' || path === '' ? path + name : `${path}.${name}`
      if (tagged?.has(i)) this.#paths.add(inner)
      else this.walk(type, inner, depth + 1)
    })
  }

  #variables(datasec: BtfDatasec, depth: number): void {
    const unique = uniqueNames()
    for (const { type } of datasec.variables) this.walk(type, unique(this.#btf.nameOf(type)), depth + 1)
  }
}
