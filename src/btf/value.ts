/**
 * A value decoded by its BTF type.
 *
 * | C | value |
 * |---|---|
 * | integers and bitfields up to 32 bits | number |
 * | wider integers and bitfields, pointers | bigint |
 * | `bool` | boolean |
 * | `float`, `double` | number |
 * | enumerations | the name where the number has one, else the number (a bigint if it has 8 bytes) |
 * | `char[N]` | string: the text up to the first NUL, as UTF-8 |
 * | `__u8[N]`, `unsigned char[N]` | Uint8Array |
 * | other arrays | array |
 * | structs, data sections | object; members of anonymous structs and unions as if they were its own |
 * | unions | object with every member: all of them read the same bytes |
 * | floats of 2, 12 and 16 bytes | Uint8Array |
 */
export type Value =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value }

/** One compiled type: how its values lie in memory. */
export interface Part {
  /** Reads the value at byte `at`, which the caller knows to be inside the view. */
  decode(view: DataView, at: number): Value
  /** Writes the value's own bits and no padding; throws a `Misfit` before or after having written some. */
  encode(value: Value, view: DataView, at: number): void
  /** Whether the value is written by one store, after all checks. */
  readonly isScalar: boolean
  /** About how many values one decode makes. */
  readonly weight: number
}
