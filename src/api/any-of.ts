/**
 * What a C union takes: all fields of one of its members, and of the others what one likes, as long as they agree on the
 * bytes that they share. Each member is given as an object with its fields.
 *
 * @example
 * AnyOf<[{ v4: number }, { v6: Uint8Array }]>   // { v4: number, v6?: Uint8Array } or { v4?: number, v6: Uint8Array }
 */
export type AnyOf<Members extends readonly object[]> = {
  [Index in keyof Members]: Members[Index] & Partial<Together<Members[number]>>
}[number]

/** All fields of all members. */
type Together<Members> = (Members extends object ? (members: Members) => void : never) extends (
  together: infer All,
) => void
  ? All
  : never
