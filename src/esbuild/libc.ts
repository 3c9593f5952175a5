import { closeSync, openSync, readSync } from 'node:fs'
import type { Libc } from './targets.ts'

/** As far as the name of its linker can be expected to be in an ELF file (PT_INTERP). */
const headLength = 4096

/** The C library that a program is linked to: it names its linker. One that cannot be read is taken for the usual kind. */
export function libcOf(program: string): Libc {
  const head = Buffer.alloc(headLength)
  try {
    const fd = openSync(program, 'r')
    try {
      readSync(fd, head, 0, headLength, 0)
    } finally {
      closeSync(fd)
    }
  } catch {
    return 'glibc'
  }
  return head.includes('/ld-musl-') ? 'musl' : 'glibc'
}
