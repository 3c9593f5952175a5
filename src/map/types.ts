import type { Btf, TypeId, Value } from '../btf/index.ts'

/** The BTF types of a map's keys and values; an id of 0 means that the type is not known. */
export interface MapTypes {
  readonly btf: Btf
  readonly key: TypeId
  readonly value: TypeId
}

/**
 * A key or a value: decoded by BTF where the map has types, else its bytes; in per-CPU maps a value is an array with
 * one value a possible CPU.
 */
export type Entry = Value | Uint8Array | readonly (Value | Uint8Array)[]
