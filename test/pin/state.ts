// Two versions of an object whose maps are converted, some of them pinned elsewhere, and whose programs come and go.
import { mkdirSync, rmdirSync } from 'node:fs'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import type { Version } from './steady.ts'

/** Where events are made, and where a link is moved between the versions. */
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
export const cgroup: string = `${cgroups}/bpfpin-state`
const others: Readonly<Record<Version, string>> = { 1: `${cgroup}/one`, 2: `${cgroup}/two` }

export function makeCgroups(): void {
  for (const path of [cgroup, ...Object.values(others)]) mkdirSync(path, { recursive: true })
}

export function removeCgroups(): void {
  for (const path of [...Object.values(others), cgroup]) rmdirSync(path)
}

export function state(root: string, version: Version, pid: number): ObjectSpec {
  const spec = openObject(fixture(`upgrade-state-${version}`), { root, name: 'state', layout: 'libbpf' })
  spec.variables.get('only_pid').set(pid)
  const elsewhere = `${root}/elsewhere`
  spec.maps.get('flows').pinPath = `${elsewhere}/flows`
  spec.maps.get('total').pinPath = `${elsewhere}/total`
  const onRead = spec.programs.get('on_read')
  onRead.pinPath = `${elsewhere}/on_read`
  onRead.target = { cgroup }
  const onEgress = spec.programs.get('on_egress')
  onEgress.target = { cgroup: others[version] }
  onEgress.link.pinPath = `${elsewhere}/on_egress_link`
  return spec
}
