import { type Btf, type BtfArray, parseBtf, TypeHeads, type TypeId, withTypes } from '../btf/index.ts'

/** A variable that was given another length: the last one of its section, an array. */
export interface Resized {
  /** BTF ids of the variable and of its section. */
  readonly variable: TypeId
  readonly datasec: TypeId
  /** Of the variable as the object has it, modifiers and typedefs apart. */
  readonly array: BtfArray
  /** Elements. */
  readonly length: number
  /** Bytes. */
  readonly size: number
  readonly sectionSize: number
}

/** The type of such a variable, and types that have it; all others keep their ids. */
export function withArray(
  btf: Btf,
  { array, length }: Pick<Resized, 'array' | 'length'>,
): { btf: Btf; id: TypeId } {
  let id: TypeId = 0
  const { elementType, indexType } = array
  const more = withTypes(btf, writer => {
    id = writer.add({ kind: 'array', name: '', elementType, indexType, length })
  })
  return { btf: more, id }
}

/** Types with the lengths that were set: variables and sections say what they have become. */
export function resizedTypes(btf: Btf, resized: readonly Resized[]): Btf {
  let types = btf
  for (const one of resized) {
    const added = withArray(types, one)
    const heads = new TypeHeads(added.btf, added.btf.bytes)
    heads.set(one.variable, 2, added.id)
    heads.set(one.datasec, 2, one.sectionSize)
    heads.set(one.datasec, sizeWord(types, one), one.size)
    types = parseBtf(heads.bytes)
  }
  return types
}

/** Where a section has the size of a variable: behind its head there are type, offset and size of each. */
function sizeWord(btf: Btf, { datasec, variable }: Resized): number {
  const section = btf.type(datasec)
  const entries = section.kind === 'datasec' ? section.variables : []
  const at = entries.findIndex(({ type }) => type === variable)
  return 3 * at + 5
}
