import { type MapOptions, mmap, munmap } from './memory.ts'
import { native } from './native.ts'

/**
 * Memory shared with the kernel, as it is. After `unmap` no view of the buffer may be touched, which would kill the
 * process: whoever maps hands out copies only, and forgets every view before it unmaps.
 */
export interface Mapping {
  readonly buffer: ArrayBuffer
  unmap(): void
}

/** Maps memory of a descriptor, or returns a negative errno. */
export function mapMemory(fd: number, length: number, options: MapOptions = {}): Mapping | number {
  const address = mmap(fd, length, options)
  if (address < 0) return address
  return { buffer: native().view(address, length), unmap: () => void munmap(address, length) }
}
