import type { Target } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'

/** What one family of links makes of a program. */
export interface Attachment {
  /** Descriptor of the link. */
  readonly fd: number
  readonly target: Target
}

/** A program to be attached. */
export interface Attachable {
  readonly spec: ProgramSpec
  readonly fd: number
}

/**
 * One family of links.
 *
 * `wants` says what a program lacks before it can be attached, as a phrase (`'a cgroup directory'`), or nothing.
 * `attach` throws BpfError with the kernel's errno.
 */
export interface Family {
  wants(spec: ProgramSpec): string | undefined
  attach(program: Attachable): Attachment
}

/** The hook that the target names, else the section behind its `/`. */
export function hookOf({ target, rule }: ProgramSpec): string {
  return target && 'hook' in target ? target.hook : (rule?.extra ?? '')
}

/** A program whose section must name its hook. */
export function wantsHook(spec: ProgramSpec, what: string): string | undefined {
  return hookOf(spec) === '' ? `${what} behind the '/' of its section name` : undefined
}
