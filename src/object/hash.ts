import { identityBytes } from '../spec/assemble.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'

/** Which code a program is: SHA-256 over its unrelocated instructions and what they refer to, in hexadecimal. */
export function programHash(spec: Spec, program: ProgramSpec): string {
  return digest('sha256', identityBytes(spec, program))
}

/** In hexadecimal. */
export function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): string {
  // not imported: it takes some milliseconds to load, and who opens an object or reads its pins hashes nothing
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash(algorithm).update(bytes).digest('hex')
}
