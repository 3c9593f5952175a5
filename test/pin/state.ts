// Two versions of an object whose maps are converted, some of them pinned elsewhere, and whose programs come and go.
import { mkdirSync, rmdirSync } from 'node:fs'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import type { Version } from './steady.ts'

/** Where the events of a process are made. */
export function cgroupOf(pid: number): string {
  return `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-state-${pid}`
}

/** Where a link moves to. */
const otherOf = (pid: number, version: Version): string => `${cgroupOf(pid)}/${version === 1 ? 'one' : 'two'}`

export function makeCgroups(pid: number): void {
  for (const version of [1, 2] as const) mkdirSync(otherOf(pid, version), { recursive: true })
}

export function removeCgroups(pid: number): void {
  for (const path of [otherOf(pid, 1), otherOf(pid, 2), cgroupOf(pid)]) rmdirSync(path)
}

export function state(root: string, version: Version, pid: number): ObjectSpec {
  const spec = openObject(fixture(`upgrade-state-${version}`), { root, name: 'state', layout: 'libbpf' })
  spec.variables.get('only_pid').set(pid)
  const elsewhere = `${root}/elsewhere`
  spec.maps.get('flows').pinPath = `${elsewhere}/flows`
  spec.maps.get('total').pinPath = `${elsewhere}/total`
  const onRead = spec.programs.get('on_read')
  onRead.pinPath = `${elsewhere}/on_read`
  onRead.target = { cgroup: cgroupOf(pid) }
  spec.programs.get('on_both').target = { cgroup: cgroupOf(pid) }
  const onEgress = spec.programs.get('on_egress')
  onEgress.target = { cgroup: otherOf(pid, version) }
  onEgress.link.pinPath = `${elsewhere}/on_egress_link`
  return spec
}
