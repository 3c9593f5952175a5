import { type ObjectSpec, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

/** An object of which one map and one program are pinned outside of its directory, the map in one that is not there. */
export function scattered(root: string): ObjectSpec {
  const spec = openObject(fixture('links'), { root })
  spec.maps.get('.rodata').pinPath = `${root}/constants/those`
  spec.programs.get('on_xdp').pinPath = `${root}/filter`
  return spec
}
