import { BpfError } from '../errors.ts'
import { diagnose } from './diagnose.ts'
import { errnoName, errnoText } from './errno.ts'
import type { CapabilityName } from './surroundings.ts'

/** What a failed system call was for. */
export interface About {
  /** As it stands in a sentence: `"pinning map 'flows'"`. */
  readonly doing: string
  /** The pin or file that it was about. */
  readonly path?: string | undefined
  /** The kernel that this first works on: `'6.6'`. Commands of bpf(2) are known already. */
  readonly since?: string | undefined
  /** What the call takes, where that depends on what it is about. */
  readonly capabilities?: readonly CapabilityName[] | undefined
  /** What to try if nothing better is found. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/**
 * The error for a failed system call, with a hint that is looked for now: call it before anything changes.
 *
 * @param result what the call returned, a negative errno
 * @param syscall as a person would say it: `'bpf(BPF_OBJ_PIN)'`, `'renameat2'`
 * @example throw systemError(result, 'bpf(BPF_OBJ_PIN)', { doing: "pinning map 'flows'", path })
 */
export function systemError(result: number, syscall: string, about: About): BpfError {
  const errno = -result
  const code = errnoName(errno)
  const place = about.path === undefined ? '' : ` '${about.path}'`
  const hint = diagnose(code, syscall, about) ?? about.hint
  const error = new BpfError(`${about.doing}: ${code}: ${errnoText(errno)}, ${syscall}${place}`, {
    code,
    errno,
    syscall,
    ...(about.path === undefined ? {} : { path: about.path }),
    ...(hint === undefined ? {} : { hint }),
    ...(about.cause === undefined ? {} : { cause: about.cause }),
  })
  Error.captureStackTrace?.(error, systemError)
  return error
}
