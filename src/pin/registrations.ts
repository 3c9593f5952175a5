import { BpfError } from '../errors.ts'
import { opsState, Registration } from '../link/index.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { mapFlag, mapTypes } from '../spec/kernel.ts'
import { closedAfter } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { openPinnedMap } from './open.ts'

/**
 * Takes out of the kernel what struct_ops maps of a generation registered without a link: it would stay there for good, as the
 * kernel holds the map.
 *
 * @param kept ids of maps that go on
 */
export function takeOut(generation: Generation, kept: ReadonlySet<number> = new Set()): void {
  const { pins, structOps = [] } = generation.manifest
  const names = new Set(structOps.map(({ map }) => map))
  for (const pin of pins) {
    if (pin.kind === 'map' && names.has(pin.name) && !pin.shared && !kept.has(pin.id)) remove(generation, pin)
  }
}

function remove(generation: Generation, pin: PinRecord): void {
  try {
    const { fd, info } = openPinnedMap(generation, pin)
    closedAfter(fd, () => {
      const isAlone = info.type === mapTypes.struct_ops && (info.flags & mapFlag.LINK) === 0
      if (isAlone && opsState(fd, info.valueSize) === 'registered')
        new Registration(fd, info.id, info.valueSize).remove()
    })
  } catch (error) {
    // what is not there, or is somebody else's by now, is left
    if (!(error instanceof BpfError)) throw error
  }
}
