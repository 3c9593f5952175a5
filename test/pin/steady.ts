// Two versions of one object with links of several kinds, as tests of upgrades use them.
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { type BpfObject, type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

export type Version = 1 | 2

/** In the order of the object's counters. */
const kinds: readonly string[] = 'raw btf point egress xdp tcx filter clock probe lookup'.split(' ')

// every test's own: all of the system's cgroups are in one tree
const cgroup = `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-steady-${process.pid}`

export interface SteadyOptions {
  /** Which kinds of links; others are not loaded. */
  readonly only: readonly string[]
  /** Whose calls count. */
  readonly pid: number
}

export function steady(root: string, version: Version, { only, pid }: SteadyOptions): ObjectSpec {
  const spec = openObject(fixture(`upgrade-events-${version}`), { root, name: 'steady' })
  spec.variables.get('only_pid').set(pid)
  for (const program of spec.programs) program.autoload = only.includes(program.name.slice(3))
  mkdirSync(cgroup, { recursive: true })
  spec.programs.get('on_egress').target = { cgroup }
  spec.programs.get('on_xdp').target = { interface: 'lo', mode: 'generic' }
  spec.programs.get('on_tcx').target = { interface: 'lo' }
  spec.programs.get('on_filter').target = { netfilter: 'local_in', family: 'ipv4', priority: -100 }
  spec.programs.get('on_clock').target = { event: 'cpu-clock', frequency: 99, cpu: 0 }
  return spec
}

/** What each version has seen of a kind. */
export function seenBy(object: BpfObject, kind: string): readonly [first: bigint, second: bigint] {
  // the variable is u64[2][10]
  const seen = object.variables.get('seen').get() as bigint[][]
  const at = kinds.indexOf(kind)
  return [seen[0]![at]!, seen[1]![at]!]
}

/** Where no test ran it was not made. */
export function removeCgroup(): void {
  if (existsSync(cgroup)) rmdirSync(cgroup)
}

export function treeOf(root: string): string[] {
  return (readdirSync(root, { recursive: true }) as string[]).sort()
}
