import type { ProgramSpec } from '../spec/types.ts'

/** What one family of links makes of a program. */
export interface Attachment {
  /** Descriptor of the link. */
  readonly fd: number
  /** Where, in the words of the family: `'sys_enter'`, `'sched/sched_switch'`, `'/sys/fs/cgroup/web'`. */
  readonly target: string
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

/** The hook named behind the section's `/`. */
export function hookOf(spec: ProgramSpec): string {
  return spec.rule?.extra ?? ''
}

/** A program whose section must name its hook. */
export function wantsHook(spec: ProgramSpec, what: string): string | undefined {
  return hookOf(spec) === '' ? `${what} behind the '/' of its section name` : undefined
}
