import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

// the same one in every process of a test
const place = basename(resolve(process.env.BPFPIN_TEST_ROOT ?? '', '../..'))
const cgroup = `${process.env.BPFPIN_TEST_CGROUP ?? ''}/${place}-scattered`

/**
 * An object of two maps, six programs and three links, of which one map and one program are pinned outside of its
 * directory, the map in one that is not there. One link can be detached by a call, the others go with their last pin.
 */
export function scattered(root: string): ObjectSpec {
  if (!existsSync(cgroup)) mkdirSync(cgroup)
  const spec = openObject(fixture('links'), { root })
  spec.maps.get('.rodata').pinPath = `${root}/constants/those`
  spec.programs.get('on_xdp').pinPath = `${root}/filter`
  spec.programs.get('on_cgroup').target = { cgroup }
  // to detach from a tracepoint takes the kernel some 50 ms, and these tests do it hundreds of times
  spec.programs.get('on_point').autoattach = false
  return spec
}

/** Removes what {@link scattered} made. */
export function removeCgroup(): void {
  if (existsSync(cgroup)) rmdirSync(cgroup)
}
