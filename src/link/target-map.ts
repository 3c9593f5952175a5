import { BpfError } from '../errors.ts'
import { type Descriptor, openPinOf } from './descriptor.ts'
import type { Attaching } from './family.ts'

/**
 * Calls with the descriptor of a map that a target names: by its name in the object, or by the absolute path of its
 * pin.
 */
export function withMap<T>({ maps, doing }: Attaching, name: string, use: (fd: number) => T): T {
  if (name.startsWith('/')) {
    using pin: Descriptor = openPinOf('map', name, doing)
    return use(pin.fd)
  }
  const map = maps?.get(name)
  if (map) return use(map.fd)
  throw new BpfError(`${doing}: there is no map '${name}' to be seen from the program alone`, {
    code: 'ERR_NO_TARGET',
    hint: "attach the object as a whole, or pass the object's maps: program.attach({ maps: object.maps })",
  })
}
