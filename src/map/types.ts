import type { Value } from '../btf/index.ts'

export type { MapTypes } from '../plan/shape.ts'

/**
 * A key or a value: decoded by BTF where the map has types, else its bytes; in per-CPU maps a value is an array with
 * one value a possible CPU.
 */
export type Entry = Value | Uint8Array | readonly (Value | Uint8Array)[]
