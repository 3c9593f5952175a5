import type { BtfVar } from '../btf/index.ts'
import { type Btf, type Codec, createCodec, type TypeId, type Value } from '../btf/index.ts'
import type { DataSection } from './data-section.ts'

/** A global variable of the object, in the section's initial contents: what is set here is what programs start with. */
export class VariableSpec {
  /** Unique in the object: the C name; equal static names get `~1`, ... */
  readonly name: string
  /** The map that holds it: `.data`, `.rodata.config`. */
  readonly map: string
  /** Bytes from the start of the map's value. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  /** Its type in the object's BTF. */
  readonly type: TypeId
  readonly linkage: BtfVar['linkage']
  readonly #btf: Btf
  readonly #section: DataSection
  #codec: Codec | undefined

  constructor(
    name: string,
    map: string,
    section: DataSection,
    btf: Btf,
    place: { readonly variable: BtfVar; readonly offset: number; readonly size: number },
  ) {
    this.name = name
    this.map = map
    this.offset = place.offset
    this.size = place.size
    this.type = place.variable.type
    this.linkage = place.variable.linkage
    this.#btf = btf
    this.#section = section
  }

  /** Decodes and encodes the variable by its BTF type. */
  get codec(): Codec {
    return (this.#codec ??= createCodec(this.#btf, this.type))
  }

  /** The initial value. Integers up to 32 bits are numbers, wider ones bigints, structs plain objects. */
  get(): Value {
    return this.codec.decode(this.#section.contents, this.offset)
  }

  /**
   * Sets the initial value. Constants (`.rodata`) set here are known to the verifier, which removes the branches that
   * they make dead.
   *
   * @throws BpfError `ERR_VALUE` when the value does not fit the type; nothing is written then.
   */
  set(value: Value): void {
    this.codec.encode(value, this.#section.contents, this.offset)
  }
}
