import type { Conversion } from '../btf/index.ts'
import type { MapShape } from '../plan/shape.ts'
import type { ByteRange } from '../spec/sweep/merge.ts'

/** A live map on one side of a conversion. */
export interface MapSide {
  /** The caller's. */
  readonly fd: number
  readonly shape: MapShape
}

/**
 * What a user decides about an entry: the new key and value, or `undefined` to drop it. Of per-CPU maps `value` holds
 * the values of all CPUs, each rounded up to 8 bytes. Both arrays are valid only during the call.
 */
export type ConvertEntry = (
  key: Uint8Array,
  value: Uint8Array,
) => { readonly key: Uint8Array; readonly value: Uint8Array } | undefined

/** A map whose entries are carried into another. */
export interface LiveConversion {
  /** In the object; for messages. */
  readonly name: string
  readonly old: MapSide
  readonly new: MapSide
  readonly value: Conversion
  /** Bytes of a new value that only the kernel may touch (locks, timers, kernel pointers): see `kernelBytes`. */
  readonly opaque?: readonly ByteRange[]
  /** Decides instead of `value`. Then everything is carried from user space. */
  readonly convert?: ConvertEntry | undefined
  /** Entries that the new map has no room for are left out; else that is an error. */
  readonly mayOverflow?: boolean
}

/** How far copying is. */
export interface CopyProgress {
  readonly map: string
  /** Entries. */
  readonly done: number
  /** The map's max_entries where the number of entries is not known. */
  readonly total: number
}

export interface CopyOptions {
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
  /** Looked at between two batches. */
  readonly signal?: AbortSignal | undefined
}

/** Map types whose values exist once a possible CPU. */
export function isPerCpu({ type }: MapShape): boolean {
  return type === 'percpu_hash' || type === 'percpu_array' || type === 'lru_percpu_hash'
}
