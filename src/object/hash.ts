import { createHash } from 'node:crypto'
import { identityBytes } from '../spec/assemble.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'

/** Which code a program is: SHA-256 over its unrelocated instructions and what they refer to, in hexadecimal. */
export function programHash(spec: Spec, program: ProgramSpec): string {
  return createHash('sha256').update(identityBytes(spec, program)).digest('hex')
}
