import { notForgotten, whenForgotten } from './forgotten.ts'
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
  const buffer = native().view(address, length)
  const unmap = unmapping(address, length)
  // whoever has a view of the buffer has the buffer
  whenForgotten(buffer, { what: 'a buffer of events', release: unmap })
  return {
    buffer,
    unmap() {
      notForgotten(buffer)
      unmap()
    },
  }
}

/** Refers to nothing else: a closure keeps what its neighbours use. */
function unmapping(address: number, length: number): () => void {
  return () => void munmap(address, length)
}
