/**
 * Where a program is attached: plain data, as it is kept in the manifest, so that an upgrade needs no target again.
 * Which form fits depends on the kind of program; most tracing programs name their hook in the section.
 */
export type Target = HookTarget | CgroupTarget

/** A hook by its name: what follows the `/` of the section name. */
export interface HookTarget {
  /** `'sys_enter'`, `'sched/sched_switch'`, `'security_file_open'`. */
  readonly hook: string
}

/** A cgroup v2. */
export interface CgroupTarget {
  /** Its directory. */
  readonly cgroup: string
}

/** A target as a person says it. */
export function targetText(target: Target): string {
  return 'hook' in target ? target.hook : target.cgroup
}
