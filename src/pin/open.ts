import { BpfError } from '../errors.ts'
import { shapeOf } from '../map/index.ts'
import { fullPath, isOutside, type PinKind, type Place, pathOf } from '../plan/layout.ts'
import type { PinRecord } from '../plan/manifest.ts'
import type { MapShape } from '../plan/shape.ts'
import { stagedPath } from '../plan/upgrade-steps.ts'
import { closedOnThrow, closeFd, ENOENT, type MapInfo, mapInfo, systemError } from '../syscall/index.ts'
import type { Generation } from './generation.ts'
import { describe, type Occupant, occupantText } from './identity.ts'
import type { Owner } from './ownership.ts'
import { getPlace } from './trusted-path.ts'

const BPF_F_RDONLY = 8

/** A pinned map, open. There are thousands: words and shapes are made when somebody asks. */
export class OpenedMap {
  readonly fd: number
  readonly info: MapInfo
  readonly #place: Place
  readonly #generation: Generation | undefined
  #shape: MapShape | undefined

  /** @internal Use {@link openMapAt}. */
  constructor(fd: number, info: MapInfo, place: Place, generation: Generation | undefined) {
    this.fd = fd
    this.info = info
    this.#place = place
    this.#generation = generation
  }

  /** The pin. */
  get path(): string {
    return placePath(this.#place, this.#generation)
  }

  get shape(): MapShape {
    this.#shape ??= shapeOf(this.info)
    return this.#shape
  }
}

/** How something pinned is opened. */
export interface OpenOptions {
  /** Maps are: for reading only. */
  readonly readOnly?: boolean
  /** Whose pins outside of the generation's directory may be opened, too. */
  readonly owner?: Owner | undefined
}

/**
 * Opens the map that is pinned at a place; `undefined` where nothing is. The caller closes `fd`.
 *
 * @param generation whose directory places inside are below; without one only places outside are looked at
 * @throws BpfError `ERR_PIN_KIND` where something else than a map is pinned.
 */
export function openMapAt(
  place: Place,
  generation: Generation | undefined,
  { readOnly = false, owner }: OpenOptions = {},
): OpenedMap | undefined {
  if (!isOutside(place.file) && !generation) return undefined
  const flags = readOnly ? BPF_F_RDONLY : 0
  const fd = getPlace(place, generation?.directory, flags, owner)
  if (fd === ENOENT) return undefined
  if (fd < 0) {
    const path = placePath(place, generation)
    throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing: `opening pinned map '${place.name}'`, path })
  }
  try {
    return new OpenedMap(fd, infoOfMap(fd, place, generation), place, generation)
  } catch (error) {
    closeFd(fd)
    throw error
  }
}

/** Inside a generation only its owner pins; outside anything may lie, and information about a program looks alike. */
function infoOfMap(fd: number, place: Place, generation: Generation | undefined): MapInfo {
  if (isOutside(place.file)) mustBe('map', describe(fd), place.file)
  const info = mapInfo(fd)
  if (typeof info === 'object') return info
  throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
    doing: 'reading information about a pinned map',
    path: placePath(place, generation),
  })
}

/**
 * Opens a map of a generation and checks that it is the one in the manifest. The caller closes `fd`.
 *
 * @throws BpfError `ERR_PIN_MISSING` where nothing is pinned, `ERR_PIN_REPLACED` where something else is.
 */
export function openPinnedMap(
  generation: Generation,
  record: PinRecord,
  options: OpenOptions = {},
): OpenedMap {
  return whereItIs(record, place => {
    const opened = openMapAt(place, generation, options)
    if (!opened) throw missing(generation, place)
    const { fd } = opened
    if (opened.info.id !== place.id) closedOnThrow(fd, () => mustBeRecorded(generation, place, fd))
    return opened
  })
}

/** As {@link openPinnedMap}, for a pin of any kind; the result is its descriptor. */
export function openPin(generation: Generation, record: PinRecord, options: OpenOptions = {}): number {
  return whereItIs(record, place => openAt(generation, place, options))
}

/**
 * Pins outside take their paths after the commit of an upgrade, one by one. Until then each lies beside its path, and from
 * then on that of the generation before does: so a reader has one whole generation at any time.
 */
function whereItIs<T>(record: PinRecord, open: (place: PinRecord) => T): T {
  try {
    return open(record)
  } catch (error) {
    if (!isOutside(record.file) || record.shared || !isElsewhere(error)) throw error
    try {
      return open({ ...record, file: stagedPath(record.file) })
    } catch (other) {
      if (!isElsewhere(other)) throw other
    }
    // it may have taken its path between the two looks
    return open(record)
  }
}

function isElsewhere(error: unknown): boolean {
  return error instanceof BpfError && (error.code === 'ERR_PIN_MISSING' || error.code === 'ERR_PIN_REPLACED')
}

function openAt(generation: Generation, record: PinRecord, { readOnly = false, owner }: OpenOptions): number {
  const flags = readOnly ? BPF_F_RDONLY : 0
  const fd = getPlace(record, generation.directory, flags, owner)
  if (fd === ENOENT) throw missing(generation, record)
  if (fd < 0) {
    throw systemError(fd, 'bpf(BPF_OBJ_GET)', {
      doing: `opening pinned ${record.kind} '${record.name}'`,
      path: placePath(record, generation),
    })
  }
  return closedOnThrow(fd, () => mustBeRecorded(generation, record, fd))
}

function missing(generation: Generation, pin: PinRecord): BpfError {
  const { kind, name, id } = pin
  const full = placePath(pin, generation)
  return pinError(
    'ERR_PIN_MISSING',
    full,
    `${kind} '${name}' is in the manifest, but nothing is pinned at ${full}`,
    wayBack({ kind, id }, full),
  )
}

/** Returns the descriptor if it is open on what the manifest says. */
function mustBeRecorded(generation: Generation, pin: PinRecord, fd: number): number {
  const { kind, id } = pin
  const full = placePath(pin, generation)
  const occupant = mustBe(kind, describe(fd), full)
  if (occupant.id === id) return fd
  const message = `${full} is the ${kind} with id ${occupant.id}; the manifest says the ${kind} with id ${id}`
  throw pinError('ERR_PIN_REPLACED', full, message, wayBack({ kind, id }, full, true))
}

function mustBe(wanted: PinKind, occupant: Occupant | undefined, path: string): Occupant {
  if (occupant?.kind === wanted) return occupant
  const found = occupant ? occupantText(occupant) : 'something that is no map, program or link'
  throw pinError('ERR_PIN_KIND', path, `${found} is pinned at ${path}, expected a ${wanted}`)
}

function pinError(code: string, path: string, message: string, hint?: string): BpfError {
  return new BpfError(message, { code, path, ...(hint === undefined ? {} : { hint }) })
}

/** The manifest knows the id: what is held by a program, a link or a process lives without its pin. */
function wayBack({ kind, id }: Pick<PinRecord, 'kind' | 'id'>, path: string, isTaken = false): string {
  if (kind === 'link') {
    const anew = 'upgrade() attaches it anew'
    return isTaken ? `remove what is pinned there, if nobody needs it: then ${anew}` : anew
  }
  const command = `bpftool ${kind === 'map' ? 'map' : 'prog'} pin id ${id} ${path}`
  return `if it still lives, pin it there again: ${command}; else unpin the object, and pin it anew`
}

function placePath(place: Place, generation: Generation | undefined): string {
  return generation ? fullPath(place, generation.path) : pathOf(place)
}
