import type { BpfError } from '../src/index.ts'

/** The error that a call throws, which it must; what was not thrown on purpose is let through. */
export function failure(run: () => unknown): BpfError {
  try {
    run()
  } catch (error) {
    if (isOurs(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** By name, as the class may be that of another copy of the library: a test can be one file with its own in it. */
function isOurs(error: unknown): error is BpfError {
  return error instanceof Error && /^(Bpf|Elf|Btf|Verifier|PinMismatch)Error$/.test(error.name)
}
