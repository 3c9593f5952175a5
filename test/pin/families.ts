// Two versions of an object with a link of every family that most kernels have.
import { type ObjectSpec, openObject, type Target } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import type { Version } from './steady.ts'

/** In the order of the object's counters. */
export const kinds: readonly string[] =
  'raw btf point probe multi switch egress xdp tcx filter lookup flow walk message verdict'.split(' ')

export interface Source {
  /** Whose calls, and switches to other threads, are counted. */
  readonly pid: number
  /** Whose datagrams are. */
  readonly cgroup: string
}

export function families(root: string, version: Version, { pid, cgroup }: Source): ObjectSpec {
  const spec = openObject(fixture(`upgrade-families-${version}`), { root, name: 'families' })
  spec.variables.get('only_pid').set(pid)
  const targets: Record<string, Target> = {
    on_switch: { event: 'context-switches', period: 1, pid },
    on_egress: { cgroup },
    on_xdp: { interface: 'lo', mode: 'generic' },
    on_tcx: { interface: 'lo' },
    on_filter: { netfilter: 'local_in', family: 'ipv4', priority: -100 },
    on_message: { map: 'sockets' },
    on_verdict: { map: 'sockets' },
  }
  for (const [name, target] of Object.entries(targets)) spec.programs.get(name).target = target
  return spec
}
