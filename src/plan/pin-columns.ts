import { directories, isOutside, type PinKind } from './layout.ts'
import type { PinRecord } from './manifest.ts'
import { areRuns, isWord, numbersOf, type Run, runsOf } from './runs.ts'

/**
 * Pins of one kind that follow each other in a manifest's list, as they are written: there are thousands, and most have a
 * file of their own name, and the id after the one before.
 */
export interface PinColumns {
  readonly kind: PinKind
  readonly names: readonly string[]
  readonly ids: readonly Run[]
  /** By place in `names`, of those whose file has another name than theirs. */
  readonly files?: readonly (readonly [place: number, file: string])[]
  /** Places in `names`. */
  readonly shared?: readonly number[]
}

export function columnsOf(pins: readonly PinRecord[]): PinColumns[] {
  const columns: PinColumns[] = []
  let end = 0
  for (let start = 0; start < pins.length; start = end) {
    const { kind } = pins[start]!
    while (end < pins.length && pins[end]!.kind === kind) end++
    columns.push(columnsOfKind(kind, pins.slice(start, end)))
  }
  return columns
}

function columnsOfKind(kind: PinKind, pins: readonly PinRecord[]): PinColumns {
  const files: (readonly [number, string])[] = []
  const shared: number[] = []
  for (let place = 0; place < pins.length; place++) {
    const { name, file, shared: isShared } = pins[place]!
    if (file !== name) files.push([place, file])
    if (isShared) shared.push(place)
  }
  return {
    kind,
    names: pins.map(({ name }) => name),
    ids: runsOf(pins.map(({ id }) => id)),
    ...(files.length > 0 ? { files } : {}),
    ...(shared.length > 0 ? { shared } : {}),
  }
}

/** The pins behind columns that anybody could have written, or what is wrong with them. */
export function pinsFrom(value: unknown): PinRecord[] | string {
  if (!Array.isArray(value) || !value.every(areColumns)) return "has no well-formed list 'pins'"
  const pins: PinRecord[] = []
  const known: Readonly<Record<PinKind, Set<string>>> = {
    map: new Set(),
    program: new Set(),
    link: new Set(),
  }
  for (const columns of value) {
    const problem = addPins(columns, known[columns.kind], pins)
    if (problem !== undefined) return problem
  }
  const count = known.map.size + known.program.size + known.link.size
  return count === pins.length ? pins : 'lists something twice'
}

function addPins(columns: PinColumns, known: Set<string>, pins: PinRecord[]): string | undefined {
  const { kind, names, ids, files = [], shared = [] } = columns
  const numbers = numbersOf(ids, names.length)
  if (!numbers) return `has ids for more or for fewer than its ${kind}s`
  const fileOf = new Map(files)
  if (fileOf.size !== files.length) return 'lists something twice'
  const isShared = new Set(shared)
  for (let place = 0; place < names.length; place++) {
    const name = names[place]!
    const file = fileOf.size === 0 ? name : (fileOf.get(place) ?? name)
    if (!canBePin(file)) return `lists a ${kind} at '${file}', where no pin can be`
    if (file !== name && name.includes('\0')) return `lists a ${kind} whose name holds a NUL`
    const id = numbers[place]!
    pins.push(isShared.has(place) ? { kind, name, file, id, shared: true } : { kind, name, file, id })
    known.add(name)
  }
  return undefined
}

/**
 * Where a pin can be: in a generation's directory for its kind, or at an absolute path that leads up nowhere. Names on bpffs
 * have no dots (kernel/bpf/inode.c: bpf_lookup), and a NUL would end a path early.
 */
export function canBePin(file: string): boolean {
  if (isOutside(file)) return outside.test(file)
  for (let i = 0; i < file.length; i++) {
    const code = file.charCodeAt(i)
    if (code === dot || code === slash || code === 0) return false
  }
  return file !== ''
}

const [dot, slash] = [0x2e, 0x2f]
const outside = /^\/(?!(.*\/)?\.\.(\/|$))[^\0]*$/s

function areColumns(value: unknown): value is PinColumns {
  if (typeof value !== 'object' || value === null) return false
  const { kind, names, ids, files = [], shared = [] } = value as Record<keyof PinColumns, unknown>
  if (typeof kind !== 'string' || !Object.hasOwn(directories, kind)) return false
  if (!Array.isArray(names) || !names.every(isText) || !areRuns(ids)) return false
  const isPlace = (place: unknown): boolean => isWord(place) && place < names.length
  const isFile = (file: unknown): boolean =>
    Array.isArray(file) && file.length === 2 && isPlace(file[0]) && isText(file[1])
  return Array.isArray(files) && files.every(isFile) && Array.isArray(shared) && shared.every(isPlace)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
