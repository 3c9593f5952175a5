import type { Btf } from './btf.ts'
import type { FieldChange, Grade } from './changes.ts'
import type { Conversion } from './conversion.ts'
import type { TypeId } from './types.ts'

/** A type, and how many bytes a value of it has where it is used. */
export interface TypeAt {
  readonly btf: Btf
  readonly id: TypeId
  /** Bytes of the value; a flexible array at the end of the type fills it. */
  readonly size: number
}

/** Two layouts side by side. */
export interface LayoutComparison {
  /** The worst of the fields, and at least `convertible` where the sizes differ. */
  readonly grade: Grade
  /** Every field of either side, unchanged ones too, in the wanted side's order; dropped ones stand where they were. */
  readonly changes: readonly FieldChange[]
  /** `undefined` where it is `incompatible`. */
  readonly conversion: Conversion | undefined
}
