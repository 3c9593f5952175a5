import type { Conversion } from '../../src/btf/index.ts'
import type { LiveConversion } from '../../src/pin/conversion.ts'
import type { MapShape } from '../../src/plan/shape.ts'
import { mapTypes } from '../../src/spec/kernel.ts'
import {
  allocate,
  closeFd,
  mapCreate,
  mapDelete,
  mapGetNextKey,
  mapLookup,
  mapUpdate,
} from '../../src/syscall/index.ts'

/** A map that was made from numbers alone, and what tests do with its bytes. */
export class RawMap {
  readonly fd: number
  readonly shape: MapShape

  constructor(
    type: keyof typeof mapTypes,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags = 0,
  ) {
    this.shape = { type, keySize, valueSize, maxEntries, flags, mapExtra: 0 }
    this.fd = mapCreate({ ...this.shape, type: mapTypes[type], flags })
    if (this.fd < 0) throw new Error(`creating a ${type} map: errno ${-this.fd}`)
  }

  set(key: Uint8Array, value: Uint8Array, flags = 0): number {
    const [k, v] = [allocate(key.length), allocate(value.length)]
    k.bytes.set(key)
    v.bytes.set(value)
    return mapUpdate(this.fd, k, v, flags)
  }

  /** `size`: of all CPUs in per-CPU maps. */
  get(key: Uint8Array, size: number = this.shape.valueSize): Uint8Array | undefined {
    const [k, v] = [allocate(key.length), allocate(size)]
    k.bytes.set(key)
    return mapLookup(this.fd, k, v) < 0 ? undefined : v.bytes
  }

  delete(key: Uint8Array): boolean {
    const k = allocate(key.length)
    k.bytes.set(key)
    return mapDelete(this.fd, k) >= 0
  }

  /** Of hashes and arrays, in hexadecimal, sorted. */
  keys(): string[] {
    const keys: string[] = []
    const [key, next] = [allocate(this.shape.keySize), allocate(this.shape.keySize)]
    for (let first = true; mapGetNextKey(this.fd, first ? null : key, next) >= 0; first = false) {
      key.bytes.set(next.bytes)
      keys.push(Buffer.from(key.bytes).toString('hex'))
    }
    return keys.sort()
  }

  close(): void {
    closeFd(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

export function carrying(old: RawMap, next: RawMap, value: Conversion): LiveConversion {
  return { name: 'flows', old, new: next, value }
}

/** The bytes of a u32. */
export function key(number: number): Uint8Array {
  return new Uint8Array(new Uint32Array([number]).buffer)
}
