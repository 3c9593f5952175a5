import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { type Descriptor, openPinOf } from './descriptor.ts'
import type { Attaching } from './family.ts'

/**
 * Calls with the descriptor of a map that a target names: by its name in the object, or by the absolute path of its
 * pin.
 *
 * @throws BpfError `ERR_UNKNOWN_NAME` where the object has none of that name.
 */
export function withMap<T>({ maps, doing }: Attaching, name: string, use: (fd: number) => T): T {
  if (name.startsWith('/')) {
    using pin: Descriptor = openPinOf('map', name, doing)
    return use(pin.fd)
  }
  const map = maps?.get(name)
  if (map) return use(map.fd)
  throw new BpfError(`${doing}: the object has no map '${name}'${didYouMean(name, maps?.keys() ?? [])}`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: 'a map of another object is named by the absolute path of its pin',
  })
}
