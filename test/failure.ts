import { BpfError } from '../src/index.ts'

/** The error that a call throws, which it must; what was not thrown on purpose is let through. */
export function failure(run: () => unknown): BpfError {
  try {
    run()
  } catch (error) {
    if (error instanceof BpfError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
