import { basename, dirname, resolve } from 'node:path'
import { mustBeText, optionsOf } from '../options.ts'
import { decodeName, defaultRoot } from '../plan/names.ts'
import { type OpenPinnedOptions, PinnedObject, type PinnedPlace } from './pinned-object.ts'

/**
 * Opens a pinned object without its ELF file, from any process: maps and variables with their types, programs, and what
 * its links are.
 *
 * @param nameOrPath its name below the root, or, with a `/` in it, the path of its directory
 * @throws BpfError `ERR_NOT_PINNED`, `ERR_MANIFEST` for a directory that bpfpin did not make, EACCES, `ERR_PIN_MISSING`,
 * `ERR_PIN_REPLACED`, `ERR_PIN_KIND` where a pin is not what the manifest says.
 *
 * @example
 * using counter = openPinned('counter', { readOnly: true, follow: true })
 * counter.maps.get('totals').get(0)
 */
export function openPinned(nameOrPath: string, options?: OpenPinnedOptions): PinnedObject {
  const given = optionsOf(options, 'openPinned()')
  return new PinnedObject(pinnedPlace(nameOrPath, given.root), given)
}

/** @internal Where that is. */
export function pinnedPlace(nameOrPath: string, root: string = defaultRoot): PinnedPlace {
  mustBeText('the name or path of the object', nameOrPath)
  mustBeText('the root', root)
  if (!nameOrPath.includes('/')) return { root: resolve(root), name: nameOrPath }
  const path = resolve(nameOrPath)
  return { root: dirname(path), name: decodeName(basename(path)) }
}
