import { BpfError } from '../errors.ts'
import { type Target, targetText } from '../spec/targets.ts'
import { isOutside, type Place } from './layout.ts'
import { canBePin, columnsOf, pinsFrom } from './pin-columns.ts'
import { areRuns, isWord, type Run } from './runs.ts'

/** What a generation says about itself; written last, never changed. */
export interface Manifest {
  /** Counts up with every upgrade; the first is 1. */
  readonly generation: number
  /** The object's name, not encoded. */
  readonly name: string
  /** When the generation was made, ISO 8601. */
  readonly created: string
  readonly pins: readonly PinRecord[]
  /**
   * Inode numbers of the pins in the directory, in the order of the list: `[[4711, 64], [0, 2]]`. 0 for what was not pinned
   * yet when this was written, and outside. A pin with another number is another pin: a number comes again after 2^32 others
   * only (fs/inode.c: get_next_ino).
   */
  readonly inodes?: readonly Run[]
  readonly links: readonly LinkRecord[]
  readonly programs: readonly ProgramRecord[]
  /** Directories outside of the generation's that were made for its pins: absolute, parents before what is in them. */
  readonly directories?: readonly string[]
  /** What was put into its struct_ops maps, which the kernel shows in its own words only. */
  readonly structOps?: readonly OpsRecord[]
  /** Maps that took over the entries of the generation before. */
  readonly conversions?: readonly ConversionRecord[]
  /** Ids of programs of generations before that had links, as far as the kernel still had them when this was written. */
  readonly former?: readonly number[]
  /** What becomes of generations before: the last one is kept for a way back, or the one that was kept goes. */
  readonly previous?: 'keep' | 'drop'
  /** The object's own BTF; empty where it has none. */
  readonly btf: Uint8Array
}

/** One pin. */
export interface PinRecord extends Place {
  /** The kernel's id of what is pinned; 0 for a link that could only be made after this was written. */
  readonly id: number
  /** It was pinned there before, and is not this object's to remove. */
  readonly shared?: true
}

/** What a link was made of: the kernel's own information is empty or partial for most families. */
export interface LinkRecord {
  readonly name: string
  readonly program: string
  /** Link type as bpftool prints it: `'raw_tracepoint'`. */
  readonly type: string
  readonly attachType: string | null
  readonly target: Target | null
  /** Decimal, as a JSON number cannot hold 64 bits. */
  readonly cookie: string | null
  readonly mode: string | null
  /** What was asked for, where it is attached beside that: netfilter has one program a priority. */
  readonly declared?: Target
}

/** How a map took over what another held: what is needed to finish that, by whoever comes next. */
export interface ConversionRecord {
  readonly map: string
  /** Fields that old and new programs both count in, by path. */
  readonly merge: Readonly<Record<string, 'sum'>>
  /** A function of the user's decided, which only the process that began has. */
  readonly byFunction?: true
}

/** What is in a struct_ops map. */
export interface OpsRecord {
  readonly map: string
  /** By member, as {@link StructOpsSpec.definition} has it. */
  readonly definition: Readonly<Record<string, string>>
}

/** Does a link run what is in a struct_ops map, and no program of its own? Then its `program` is the map. */
export function isOfMap({ type }: Pick<LinkRecord, 'type'>): boolean {
  return type === 'struct_ops'
}

/** Which code a program is. */
export interface ProgramRecord {
  readonly name: string
  /** SHA-256 over its unrelocated instructions and relocations, in hexadecimal. */
  readonly hash: string
  /** As written in SEC(): with type and attach type all that attaching it again needs. */
  readonly section?: string
  readonly type?: string
  readonly attachType?: string | null
}

/*
 * The value of the manifest's map. Little-endian on every machine.
 *
 *    0  8 bytes  magic
 *    8  u32      format version
 *   12  u32      length of this header in bytes
 *   16  u64      generation number
 *   24  u32      length of the JSON text in bytes, which follows the header
 *   28  u32      length of the BTF in bytes, which follows the JSON text, aligned to 8
 */
const magic = /* @__PURE__ */ new TextEncoder().encode('bpfpin\0\n')
const formatVersion = 1
const headerLength = 32

/**
 * The manifest as bytes: the value of a frozen array map of one entry.
 *
 * @param allocate makes room for it; called again with more where that was not enough, as only ASCII takes a byte a letter
 * @returns what counts of the room that was made last
 */
export function encodeManifest(
  { generation, btf, name, created, pins, ...text }: Manifest,
  allocate: (length: number) => Uint8Array = length => new Uint8Array(length),
): Uint8Array {
  const json = JSON.stringify({ name, created, pins: columnsOf(pins), ...text })
  const encoder = new TextEncoder()
  for (const most of [1, 3]) {
    const room = allocate(align8(headerLength + most * json.length) + btf.length)
    const { read, written } = encoder.encodeInto(json, room.subarray(headerLength, room.length - btf.length))
    if (read < json.length) continue
    const btfStart = align8(headerLength + written)
    const view = new DataView(room.buffer, room.byteOffset)
    room.set(magic)
    view.setUint32(8, formatVersion, true)
    view.setUint32(12, headerLength, true)
    view.setBigUint64(16, BigInt(generation), true)
    view.setUint32(24, written, true)
    view.setUint32(28, btf.length, true)
    room.set(btf, btfStart)
    return room.subarray(0, btfStart + btf.length)
  }
  throw new Error('a UTF-16 unit takes three bytes of UTF-8 at most')
}

/**
 * Reads a manifest, which anybody with the right to pin could have written.
 *
 * @param where it was found, for errors
 * @throws BpfError `ERR_MANIFEST` for anything but a manifest of a known version.
 */
export function decodeManifest(bytes: Uint8Array, where: string): Manifest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerLength || magic.some((byte, i) => bytes[i] !== byte)) {
    throw manifestError(where, 'is not a manifest')
  }
  const version = view.getUint32(8, true)
  if (version !== formatVersion) {
    throw manifestError(where, `has format version ${version}, this bpfpin reads version ${formatVersion}`)
  }
  const jsonStart = view.getUint32(12, true)
  const jsonEnd = jsonStart + view.getUint32(24, true)
  const btfStart = align8(jsonEnd)
  const btfEnd = btfStart + view.getUint32(28, true)
  if (jsonStart < headerLength || btfEnd > bytes.length) throw manifestError(where, 'is cut short')
  const generation = Number(view.getBigUint64(16, true))
  if (!Number.isSafeInteger(generation)) throw manifestError(where, `is of generation ${generation}`)
  const text = parseText(bytes.subarray(jsonStart, jsonEnd), where)
  return { ...text, generation, btf: bytes.subarray(btfStart, btfEnd) }
}

type Text = Omit<Manifest, 'generation' | 'btf'>

function parseText(bytes: Uint8Array, where: string): Text {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw manifestError(where, 'holds no JSON text', cause)
  }
  if (!isRecord(value, { name: 'string', created: 'string' })) throw manifestError(where, 'names no object')
  const { name, created, pins, inodes, links, programs } = value
  const { directories, structOps, conversions, former, previous } = value
  return {
    name: name as string,
    created: created as string,
    pins: readPins(pins, where),
    ...(inodes === undefined ? {} : { inodes: readInodes(inodes, where) }),
    links: readLinks(links, where),
    programs: readPrograms(programs, where),
    ...(directories === undefined ? {} : { directories: readDirectories(directories, where) }),
    ...(structOps === undefined ? {} : { structOps: readOps(structOps, where) }),
    ...(conversions === undefined ? {} : { conversions: readConversions(conversions, where) }),
    ...(former === undefined ? {} : { former: readIds(former, where) }),
    ...(previous === 'keep' || previous === 'drop' ? { previous } : {}),
  }
}

function readPins(value: unknown, where: string): readonly PinRecord[] {
  const pins = pinsFrom(value)
  if (typeof pins === 'string') throw manifestError(where, pins)
  return pins
}

function readIds(value: unknown, where: string): readonly number[] {
  const isId = (id: unknown): id is number => isWord(id) && id !== 0
  if (Array.isArray(value) && value.every(isId)) return value
  throw manifestError(where, "has no well-formed list 'former'")
}

function readInodes(value: unknown, where: string): readonly Run[] {
  if (areRuns(value)) return value
  throw manifestError(where, "has no well-formed list 'inodes'")
}

function readLinks(value: unknown, where: string): readonly LinkRecord[] {
  const shape = { name: 'string', program: 'string', type: 'string', target: 'object' } as const
  const links = listOf<LinkRecord>(value, shape, 'links', where)
  const wrong = links.find(
    ({ target, declared }) =>
      (target !== null && !canBeSaid(target)) || (declared !== undefined && !canBeSaid(declared)),
  )
  if (wrong) throw manifestError(where, `has no well-formed target of link '${wrong.name}'`)
  for (const { name, attachType, cookie, mode } of links) {
    if (isTextOrNull(attachType) && isTextOrNull(mode) && isCookie(cookie)) continue
    throw manifestError(where, `has a link '${name}' that nothing can be attached like`)
  }
  return links
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

/** 64 bits, in decimal. */
function isCookie(value: unknown): boolean {
  if (typeof value !== 'string') return value === null
  return /^\d{1,20}$/.test(value) && BigInt(value) < 1n << 64n
}

function readPrograms(value: unknown, where: string): readonly ProgramRecord[] {
  const programs = listOf<ProgramRecord>(value, { name: 'string', hash: 'string' }, 'programs', where)
  for (const { name, section = '', type = '', attachType = null } of programs) {
    if (typeof section === 'string' && typeof type === 'string' && isTextOrNull(attachType)) continue
    throw manifestError(where, `has a program '${name}' of no kind`)
  }
  return programs
}

function readConversions(value: unknown, where: string): readonly ConversionRecord[] {
  const shape = { map: 'string', merge: 'object' } as const
  const records = listOf<ConversionRecord>(value, shape, 'conversions', where)
  // nobody but the type says that it cannot be null
  const wrong = records.find(
    ({ merge }) => !Object.values(merge ?? { none: null }).every(how => how === 'sum'),
  )
  if (wrong) throw manifestError(where, `has no well-formed conversion of map '${wrong.map}'`)
  return records
}

/** What can be written as text has the fields that its kind of target has. */
function canBeSaid(target: Target): boolean {
  try {
    return typeof targetText(target) === 'string'
  } catch {
    return false
  }
}

function readDirectories(value: unknown, where: string): readonly string[] {
  const isAbsolute = (path: unknown): path is string =>
    typeof path === 'string' && isOutside(path) && canBePin(path)
  if (Array.isArray(value) && value.every(isAbsolute)) return value
  throw manifestError(where, "has no well-formed list 'directories'")
}

function readOps(value: unknown, where: string): readonly OpsRecord[] {
  const records = listOf<OpsRecord>(value, { map: 'string', definition: 'object' }, 'structOps', where)
  const wrong = records.find(
    ({ definition }) =>
      definition === null || !Object.values(definition).every(text => typeof text === 'string'),
  )
  if (wrong) throw manifestError(where, `has no well-formed definition of map '${wrong.map}'`)
  return records
}

type Shape = Readonly<Record<string, 'string' | 'number' | 'object'>>

function listOf<T>(value: unknown, shape: Shape, field: string, where: string): readonly T[] {
  const fields = Object.entries(shape)
  if (!Array.isArray(value) || !value.every(item => hasFields(item, fields))) {
    throw manifestError(where, `has no well-formed list '${field}'`)
  }
  // every item was just checked against the shape
  return value as T[]
}

function isRecord(value: unknown, shape: Shape): value is Record<string, unknown> {
  return hasFields(value, Object.entries(shape))
}

function hasFields(
  value: unknown,
  fields: readonly (readonly [string, string])[],
): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  for (const [key, type] of fields) if (typeof record[key] !== type) return false
  return true
}

function manifestError(path: string, problem: string, cause?: unknown): BpfError {
  return new BpfError(`${path} ${problem}`, { code: 'ERR_MANIFEST', path, cause })
}

function align8(n: number): number {
  return Math.ceil(n / 8) * 8
}
