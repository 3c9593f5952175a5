import { type Btf, type Codec, createCodec, type TypeId, type Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { DataSection } from './data-section.ts'
import { largestSection } from './data-sections.ts'
import type { PlacedVariable } from './placement.ts'
import { withArray } from './resize.ts'
import type { MapSpec } from './types.ts'

/** A global variable of the object, in the section's initial contents: what is set here is what programs start with. */
export class VariableSpec<T extends Value = Value, Input extends Value = T> {
  /** Unique in the object: the C name; equal static names get `~1`, ... */
  readonly name: string
  /** The map that holds it: `.data`, `.rodata.config`. */
  readonly map: string
  /** Bytes from the start of the map's value. */
  readonly offset: number
  /** Its type in the object's BTF. */
  readonly type: TypeId
  readonly linkage: PlacedVariable['linkage']
  readonly #btf: Btf
  readonly #holder: MapSpec
  readonly #section: DataSection
  readonly #variable: TypeId
  #size: number
  #codec: Codec | undefined

  /** @param holder the map of the section */
  constructor(name: string, holder: MapSpec, section: DataSection, btf: Btf, place: PlacedVariable) {
    this.name = name
    this.map = holder.name
    this.offset = place.offset
    this.type = place.type
    this.linkage = place.linkage
    this.#btf = btf
    this.#holder = holder
    this.#section = section
    this.#variable = place.id
    this.#size = place.size
  }

  /** Bytes. */
  get size(): number {
    return this.#size
  }

  /** Decodes and encodes the variable by its BTF type. */
  get codec(): Codec {
    return (this.#codec ??= createCodec(this.#btf, this.type))
  }

  /**
   * Gives an array another length, before the object is loaded: tables that are as long as the machine wants, reached
   * without a lookup. It must be the last variable of its section, which grows or shrinks with it. New elements are zero.
   * Programs are compiled for the old length: they have to be told the new one, by a constant.
   *
   * @param length elements
   * @throws BpfError `ERR_VALUE` where it is no array, not the last, or would be too long.
   */
  resize(length: number): void {
    const array = this.#btf.resolve(this.type)
    if (array.kind !== 'array') throw this.#unresizable('it is no array')
    if (this.#section.kind === 'arena') throw this.#unresizable('it is in an arena')
    if (!this.#isLast) throw this.#unresizable(`it is not the last one in ${this.map}`)
    const size = length * this.#btf.sizeOf(array.elementType)
    const sectionSize = this.offset + size
    if (!Number.isInteger(length) || length < 1 || sectionSize > largestSection) {
      throw this.#unresizable(`${length} elements cannot be`)
    }
    this.#section.resize({
      variable: this.#variable,
      datasec: this.#holder.valueType,
      array,
      length,
      size,
      sectionSize,
    })
    this.#holder.valueSize = sectionSize
    this.#size = size
    const { btf, id } = withArray(this.#btf, { array, length })
    this.#codec = createCodec(btf, id)
  }

  /** Behind it there is nothing but what the section is padded with. */
  get #isLast(): boolean {
    const section = this.#btf.type(this.#holder.valueType)
    if (section.kind !== 'datasec') return false
    return (
      this.offset + this.#size === this.#section.size && section.variables.at(-1)?.type === this.#variable
    )
  }

  #unresizable(why: string): BpfError {
    return new BpfError(`variable '${this.name}' cannot be resized: ${why}`, {
      code: 'ERR_VALUE',
      hint: 'the last variable of a section can, if it is an array; SEC(".data.table") gives it a section of its own',
    })
  }

  /** The initial value. Integers up to 32 bits are numbers, wider ones bigints, structs plain objects. */
  get(): T {
    // what a skeleton says it is, which was generated from the same types
    return this.codec.decode(this.#section.part(this.offset, this.codec.size)) as T
  }

  /**
   * Sets the initial value. Constants (`.rodata`) set here are known to the verifier, which removes the branches that
   * they make dead.
   *
   * @throws BpfError `ERR_VALUE` when the value does not fit the type; nothing is written then.
   */
  set(value: Input): void {
    this.codec.encode(value, this.#section.contents, this.offset)
  }
}
