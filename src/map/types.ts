import type { Value } from '../btf/index.ts'
import type { MapShape, MapTypes } from '../plan/shape.ts'
import type { BpfMap } from './map.ts'

export type { MapTypes } from '../plan/shape.ts'

/** Whatever has a file descriptor: a `BpfMap`, a `BpfProgram`, `{ fd: 7 }`. */
export type HasFd = { readonly fd: number }

/**
 * A key or a value: decoded by BTF where the map has types, else its bytes; in per-CPU maps a value is an array with
 * one value a possible CPU. What is put into a map of maps, a program array or a map of sockets is a descriptor, as a number or
 * as what has it.
 */
export type Entry = Value | Uint8Array | readonly (Value | Uint8Array)[] | HasFd

/**
 * What local storage belongs to, as a key: a descriptor (a socket, a pidfd, a file, a cgroup's directory), or for tasks the
 * number of a process, and for files and cgroups a path, which are opened for the call.
 */
export type StorageOwner = number | HasFd | { readonly pid: number } | { readonly path: string }

/** When an entry may be written: always, only where the key is not there yet, only where it is. */
export type SetMode = 'any' | 'create' | 'replace'

export interface SetOptions {
  /** `'create'` fails with EEXIST where the key is there, `'replace'` with ENOENT where it is not. Default `'any'`. */
  readonly mode?: SetMode
  /** Write while holding the lock that the value has (`struct bpf_spin_lock`); EINVAL where it has none. Linux 5.1. */
  readonly lock?: boolean
}

export interface GetOptions {
  /** Read while holding the lock that the value has (`struct bpf_spin_lock`); EINVAL where it has none. Linux 5.1. */
  readonly lock?: boolean
}

/** What a live map is made from. */
export interface MapInit {
  /** The descriptor, which the map owns from now on. */
  readonly fd: number
  /** Name in the object, or the kernel's where there is no object. */
  readonly name: string
  readonly shape: MapShape
  /** Or where they are to be had, when somebody asks. */
  readonly types?: MapTypes | (() => MapTypes | undefined) | undefined
  /** Kernel id, where it is known already. */
  readonly id?: number | undefined
  /** Of a map that this process made: the how-manieth. */
  readonly turn?: number | undefined
  /** Opened so that only reading is possible. */
  readonly readOnly?: boolean
}

/** Whoever reads or writes the records of a map that is a buffer. */
export interface BufferUser {
  close(): void
  /** The map has become that of a new generation. */
  follow(map: BpfMap): void
  /** No program writes to the old one any more. */
  settle?(): void
}
