import type { MapSpec, Spec } from '../spec/types.ts'
import type { ProgramRecord } from './manifest.ts'
import { type Machine, type MapShape, requestedShape } from './shape.ts'
import { compareMap, type ItemVerdict, type MapVerdict, type Reason } from './verdict.ts'

/** A pinned map as far as a comparison needs it. */
export interface PinnedMap {
  readonly name: string
  /** The pin. */
  readonly path: string
  readonly shape: MapShape
  /** The value of a map of constants, if it is frozen. */
  readonly contents?: Uint8Array
}

/** What is pinned of an object. */
export interface PinnedObject {
  readonly maps: readonly PinnedMap[]
  readonly programs: readonly ProgramRecord[]
}

/**
 * Compares a whole object with what is pinned under its name.
 *
 * @param hashes of the object's programs, by name
 * @returns a verdict on each map and program of either side
 */
export function compareObject(
  spec: Spec,
  hashes: ReadonlyMap<string, string>,
  pinned: PinnedObject,
  machine: Machine,
): ItemVerdict[] {
  return [...compareMaps(spec, pinned.maps, machine), ...comparePrograms(hashes, pinned.programs)]
}

function* compareMaps(spec: Spec, pinned: readonly PinnedMap[], machine: Machine): Generator<MapVerdict> {
  const left = new Map(pinned.map(map => [map.name, map]))
  for (const map of spec.maps) {
    if (!map.autocreate || map.pinPath === null) continue
    const other = left.get(map.name)
    left.delete(map.name)
    yield other
      ? comparePinned(spec, map, other, machine)
      : { kind: 'map', name: map.name, path: '', verdict: 'new', reasons: [] }
  }
  for (const { name, path } of left.values()) yield { kind: 'map', name, path, verdict: 'gone', reasons: [] }
}

/** Map types without state of their own: what does not fit is made anew, and nothing is lost. */
const stateless: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'prog_array',
  'ringbuf',
  'user_ringbuf',
  'perf_event_array',
  'stack_trace',
  'struct_ops',
])

/**
 * The verdict on one pinned map: its parameters and, for constants, their values. For maps that hold no state of their
 * own it is `identical` (or `compatible`) or `new`.
 */
export function comparePinned(spec: Spec, map: MapSpec, pinned: PinnedMap, machine: Machine): MapVerdict {
  const verdict = compareMap(map.name, pinned.path, requestedShape(map, machine), pinned.shape, machine)
  const isConstant = map.section?.kind === 'rodata'
  if (verdict.verdict === 'incompatible') {
    return isConstant || stateless.has(map.type) ? { ...verdict, verdict: 'new' } : verdict
  }
  if (!isConstant || !map.section) return verdict
  const reasons = compareConstants(spec, map, map.section.contents, pinned.contents)
  return reasons.length === 0 ? verdict : { ...verdict, verdict: 'new', reasons }
}

/** Constants are a part of the code: the verifier has drawn conclusions from them. */
function compareConstants(
  spec: Spec,
  map: MapSpec,
  wanted: Uint8Array,
  pinned: Uint8Array | undefined,
): Reason[] {
  if (!pinned)
    return [{ field: 'contents', wanted: 'frozen constants', pinned: 'something that can still change' }]
  if (equal(wanted, pinned)) return []
  const reasons: Reason[] = []
  for (const variable of spec.variables) {
    const { name, offset, size, codec } = variable
    if (variable.map !== map.name || equal(slice(wanted, offset, size), slice(pinned, offset, size))) continue
    const show = (bytes: Uint8Array): string => shortText(codec.decode(bytes, offset))
    reasons.push({ field: `constant ${name}`, wanted: show(wanted), pinned: show(pinned) })
  }
  return reasons.length > 0
    ? reasons
    : [{ field: 'contents', wanted: 'other constants', pinned: 'constants' }]
}

function* comparePrograms(
  hashes: ReadonlyMap<string, string>,
  pinned: readonly ProgramRecord[],
): Generator<ItemVerdict> {
  const left = new Map(pinned.map(({ name, hash }) => [name, hash]))
  for (const [name, hash] of hashes) {
    const other = left.get(name)
    left.delete(name)
    yield {
      kind: 'program',
      name,
      verdict: other === undefined ? 'new' : other === hash ? 'identical' : 'changed',
    }
  }
  for (const name of left.keys()) yield { kind: 'program', name, verdict: 'gone' }
}

function slice(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  return bytes.subarray(offset, offset + size)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

const longestText = 60

function shortText(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)) ?? ''
  return text.length > longestText ? `${text.slice(0, longestText)}...` : text
}
