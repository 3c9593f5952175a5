import type { BpfMap } from '../map/index.ts'
import { mustBeText, optionsOf } from '../options.ts'
import { openMapFile } from '../pin/index.ts'
import type { OpenPinnedOptions } from './pinned-object.ts'

/** How a pinned map is opened; both as for `openPinned()`. */
export type OpenMapOptions = Pick<OpenPinnedOptions, 'readOnly' | 'owner'>

/**
 * Opens one pinned map by its path, whichever tool pinned it. Keys and values are decoded by the types that the kernel keeps
 * of the map (which takes CAP_SYS_ADMIN to read); without them they are bytes.
 *
 * @throws BpfError ENOENT where nothing is pinned, `ERR_PIN_KIND` where it is no map, EACCES, `ERR_FOREIGN`.
 *
 * @example
 * using processes = openMap('/sys/fs/bpf/syscount/maps/processes', { readOnly: true })
 * for (const [pid, process] of processes) console.log(pid, process)
 */
export function openMap(path: string, options?: OpenMapOptions): BpfMap {
  mustBeText('the path of the map', path)
  return openMapFile(path, optionsOf(options, 'openMap()')).keptAlone()
}
