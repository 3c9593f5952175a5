import { type OpenMapOptions, openMap } from '../api/open-map.ts'
import { openPinned } from '../api/open-pinned.ts'
import type { PinnedObject } from '../api/pinned-object.ts'
import { BpfError } from '../errors.ts'
import type { BpfMap } from '../map/index.ts'
import type { Request } from './command.ts'
import { UsageError } from './command-line.ts'
import type { Output } from './output.ts'
import { readOwner } from './owner.ts'
import { kindAt, mapOfObject, mapPath, objectPlace } from './place.ts'

/** A pinned buffer, open for reading. */
export interface EventSource extends Disposable {
  readonly map: BpfMap
  /** Whose map it is, and whose next generations it goes on in; `undefined` for what others pinned. */
  readonly object: PinnedObject | undefined
}

/**
 * Opens what NAME|PATH [MAP] means: a map of an object, the one buffer of an object, or a map by the path of its pin.
 *
 * @throws UsageError where an object has several buffers and none is named.
 */
export function openSource(request: Request, output: Output): EventSource {
  const { operands, options, root } = request
  const [operand = '', map] = operands
  const owner = readOwner('events', options)
  if (map === undefined && operand.includes('/')) {
    const path = mapPath(operand, root)
    const found = kindAt(path)
    if (found === 'pin' || (found === undefined && mapOfObject(path))) return openPath(path, owner, output)
  }
  const place = objectPlace(operand, root)
  return follow(openPinned(place.name, { root: place.root, follow: true, ...owner }), map, output)
}

/** The map's object knows its types and its next generation, so it is opened where there is one. */
function openPath(path: string, owner: OpenMapOptions, output: Output): EventSource {
  const place = mapOfObject(path)
  try {
    if (place)
      return follow(openPinned(place.name, { root: place.root, follow: true, ...owner }), place.map, output)
  } catch (error) {
    // a directory called maps that others made
    if (!(error instanceof BpfError) || !notOurs.has(error.code)) throw error
  }
  const map = openMap(path, owner)
  return { map, object: undefined, [Symbol.dispose]: () => map.close() }
}

const notOurs: ReadonlySet<string> = new Set(['ERR_NOT_PINNED', 'ERR_MANIFEST'])

function follow(object: PinnedObject, map: string | undefined, output: Output): EventSource {
  try {
    object.on('error', error => output.note(error.message))
    object.on('unpinned', () => output.note(`${object.name} was unpinned`))
    object.on('generation', generation => output.note(`generation ${generation} of ${object.name} begins`))
    const name = map ?? onlyBuffer(object)
    return { map: object.maps.get(name), object, [Symbol.dispose]: () => object.close() }
  } catch (error) {
    object.close()
    throw error
  }
}

function onlyBuffer({ name, maps }: PinnedObject): string {
  const buffers = [...maps].filter(({ type }) => type === 'ringbuf' || type === 'perf_event_array')
  const [first] = buffers
  if (buffers.length === 1 && first) return first.name
  if (!first) {
    throw new BpfError(`object '${name}' has no ring buffer and no perf buffer`, {
      code: 'ERR_UNSUPPORTED',
      hint: 'bpfpin dump shows the entries of other maps',
    })
  }
  const names = buffers.map(buffer => buffer.name).join(', ')
  throw new UsageError(
    `events: MAP is missing: object '${name}' has several buffers, ${names}`,
    'events --help',
  )
}
