import { type Grade, isWorse, worstOf } from '../btf/index.ts'
import { mapFlag } from '../spec/kernel.ts'
import { linkOwners } from '../spec/link-owner.ts'
import type { StructOpsSpec } from '../spec/struct-ops/struct-ops.ts'
import { type Target, targetText } from '../spec/targets.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import { gradeMap, type LiveFacts } from './grade-map.ts'
import type { LinkRecord, ProgramRecord } from './manifest.ts'
import { isIndexed, isStateless } from './map-families.ts'
import { type Machine, type MapShape, type MapTypes, requestedEntries, requestedShape } from './shape.ts'
import { fits, type ItemVerdict, isGrade, type LinkVerdict, type MapVerdict, type Reason } from './verdict.ts'

/** A pinned map as far as a comparison needs it. */
export interface PinnedMap {
  readonly name: string
  /** The pin. */
  readonly path: string
  readonly shape: MapShape
  /** The types of its entries, where they are known. */
  readonly types?: MapTypes
  /** What a map of maps holds, where it is known. */
  readonly inner?: PinnedMap
  /** What its entries tell, where somebody has looked. */
  readonly live?: LiveFacts
  /** The value of a map of constants, if it is frozen. */
  readonly contents?: Uint8Array
  /** What is in a struct_ops map, where that is known. */
  readonly definition?: Readonly<Record<string, string>>
}

/** What is pinned of an object. */
export interface PinnedObject {
  readonly maps: readonly PinnedMap[]
  readonly programs: readonly ProgramRecord[]
  readonly links: readonly LinkRecord[]
}

/** What an object asks for. */
export interface WantedObject {
  readonly spec: Spec
  /** Where its maps are to be pinned, by name; those that are not are not in it. */
  readonly paths: ReadonlyMap<string, string>
  /** Hashes of its programs, by name. */
  readonly hashes: ReadonlyMap<string, string>
  /** Where its programs are to be attached, by name of the link; those that do not say are not in it. */
  readonly links: ReadonlyMap<string, WantedLink>
}

export interface WantedLink {
  readonly target: Target
  readonly cookie: string | null
}

/**
 * Compares a whole object with what is pinned under its name.
 *
 * @returns a verdict on each map, program and link of either side
 */
export function compareObject(wanted: WantedObject, pinned: PinnedObject, machine: Machine): ItemVerdict[] {
  return [
    ...compareMaps(wanted, pinned.maps, machine),
    ...comparePrograms(wanted.hashes, pinned.programs),
    ...compareLinks(wanted, pinned.links),
  ]
}

/** A verdict on each map of either side. */
export function* compareMaps(
  { spec, paths }: Pick<WantedObject, 'spec' | 'paths'>,
  pinned: readonly PinnedMap[],
  machine: Machine,
): Generator<MapVerdict> {
  const left = new Map(pinned.map(map => [map.name, map]))
  for (const map of spec.maps) {
    const { name } = map
    const path = paths.get(name)
    const other = left.get(name)
    left.delete(name)
    if (other && other.path !== path) yield elsewhere(name, path, other.path)
    else if (other) yield comparePinned(spec, map, other, machine)
    else if (path !== undefined) yield { kind: 'map', name, path, verdict: 'new', reasons: [] }
  }
  for (const { name, path } of left.values()) yield { kind: 'map', name, path, verdict: 'gone', reasons: [] }
}

function elsewhere(name: string, wanted: string | undefined, pinned: string): MapVerdict {
  const reasons = [{ field: 'path', wanted: wanted ?? 'no pin', pinned }]
  return { kind: 'map', name, path: pinned, verdict: 'incompatible', reasons }
}

/** A link that the object says nothing about stays where it is: targets need to be given only once. */
function* compareLinks({ spec, links }: WantedObject, pinned: readonly LinkRecord[]): Generator<LinkVerdict> {
  const left = new Map(pinned.map(link => [link.name, link]))
  for (const [name, wanted] of links) {
    const other = left.get(name)
    left.delete(name)
    if (!other) yield { kind: 'link', name, verdict: 'new', reasons: [] }
    else yield compareLink(name, wanted, other)
  }
  const attached = new Set(
    linkOwners(spec)
      .filter(({ autoattach }) => autoattach)
      .map(({ name }) => name),
  )
  for (const { name, program } of left.values()) {
    yield { kind: 'link', name, verdict: attached.has(program) ? 'identical' : 'gone', reasons: [] }
  }
}

/** The verdict on one link: is it where the object asks for? */
export function compareLink(name: string, wanted: WantedLink, pinned: LinkRecord): LinkVerdict {
  const reasons: Reason[] = []
  const target = pinned.declared ?? pinned.target
  if (!isSameTarget(wanted.target, target)) {
    const text = target ? targetText(target) : 'an unknown place'
    reasons.push({ field: 'target', wanted: targetText(wanted.target), pinned: text })
  }
  if (wanted.cookie !== pinned.cookie) {
    reasons.push({ field: 'cookie', wanted: wanted.cookie ?? 'none', pinned: pinned.cookie ?? 'none' })
  }
  return { kind: 'link', name, verdict: reasons.length === 0 ? 'identical' : 'changed', reasons }
}

/** Targets are flat data; the order of their fields says nothing. */
function isSameTarget(a: Target, b: Target | null): boolean {
  const fields = (target: Target | null): string => JSON.stringify(Object.entries(target ?? {}).sort())
  return fields(a) === fields(b)
}

/**
 * The verdict on one pinned map: its parameters and, for constants, their values. For maps that hold no state of their
 * own it is `identical` (or `compatible`) or `new`.
 */
export function comparePinned(spec: Spec, map: MapSpec, pinned: PinnedMap, machine: Machine): MapVerdict {
  const { section, structOps } = map
  if (isTheSame(spec, map, pinned.shape, pinned.types, machine)) {
    return { kind: 'map', name: map.name, path: pinned.path, verdict: 'identical', reasons: [] }
  }
  if (structOps) return compareOps(map, structOps, pinned)
  const verdict = gradePinned(spec, map, pinned, machine)
  const isConstant = section?.isConstant ?? false
  if (!fits(verdict)) return isConstant || isStateless(map) ? { ...verdict, verdict: 'new' } : verdict
  if (!isConstant || !section) return verdict
  const reasons = compareConstants(spec, map, section.contents, pinned.contents)
  return reasons.length === 0 ? verdict : { ...verdict, verdict: 'new', reasons }
}

/**
 * What most maps are that are found again: equal in every parameter, with entries of the very same types. To see that takes
 * no list of anything, which counts where there are thousands.
 */
export function isTheSame(
  spec: Spec,
  map: MapSpec,
  shape: MapShape,
  types: MapTypes | undefined,
  machine: Machine,
): boolean {
  if (types === undefined || map.structOps || map.inner || map.section?.isConstant) return false
  if (types.key !== map.keyType || types.value !== map.valueType || types.btf !== spec.kernelBtf?.())
    return false
  return (
    map.type === shape.type &&
    map.keySize === shape.keySize &&
    map.valueSize === shape.valueSize &&
    requestedEntries(map, machine) === shape.maxEntries &&
    map.flags === shape.flags &&
    map.mapExtra === shape.mapExtra
  )
}

/** A struct_ops map holds what the object says and nothing else; its value's size is the kernel's. */
function compareOps({ flags }: MapSpec, ops: StructOpsSpec, pinned: PinnedMap): MapVerdict {
  const { name, path, shape, definition } = pinned
  const reasons: Reason[] = []
  const compare = (field: string, wanted: string, other: string): void => {
    if (wanted !== other) reasons.push({ field, wanted, pinned: other })
  }
  compare('type', 'struct_ops', shape.type)
  const own = mapFlag.LINK
  compare('flags', `0x${(flags & own).toString(16)}`, `0x${(shape.flags & own).toString(16)}`)
  const mine = ops.definition
  for (const member of new Set([...Object.keys(mine), ...Object.keys(definition ?? {})])) {
    if (definition) compare(member, mine[member] ?? 'nothing', definition[member] ?? 'nothing')
  }
  if (reasons.length > 0) return { kind: 'map', name, path, verdict: 'new', reasons }
  if (definition) return { kind: 'map', name, path, verdict: 'identical', reasons }
  const unknown = { field: 'contents', wanted: ops.typeName, pinned: 'a struct that nobody described' }
  return { kind: 'map', name, path, verdict: 'compatible', reasons: [unknown] }
}

/** How well a map fits by its parameters and types, whatever it holds. */
export function gradePinned(spec: Spec, map: MapSpec, pinned: PinnedMap, machine: Machine): MapVerdict {
  const { name, section } = map
  const { path, shape, types, live } = pinned
  const own = typesOf(spec, map)
  const outer = gradeMap({
    ...{ name, path, machine, isConstant: section?.isConstant ?? false },
    wanted: { shape: requestedShape(map, machine), ...(own ? { types: own } : {}) },
    pinned: { shape, ...(types ? { types } : {}) },
    ...(live ? { live } : {}),
    ...(section ? { section } : {}),
  })
  if (!map.inner || !pinned.inner) return outer
  return withInner(outer, gradePinned(spec, map.inner, pinned.inner, machine), pinned.inner.shape)
}

/**
 * A map of maps is as good as what it holds: the kernel takes only maps like the first one into it, and programs would read
 * those of another layout wrongly. Maps that are in it are carried as they are.
 */
function withInner(outer: MapVerdict, inner: MapVerdict, { type }: MapShape): MapVerdict {
  if (inner.verdict === 'identical' || !isGrade(inner.verdict)) return outer
  const innerReasons = inner.reasons.map(reason => ({ ...reason, field: `inner ${reason.field}` }))
  const reasons = [...outer.reasons, ...innerReasons]
  const worst = (grade: Grade): Grade => worstOf([...[outer.verdict].filter(isGrade), grade])
  if (!isWorse(inner.verdict, 'compatible')) return { ...outer, verdict: worst(inner.verdict), reasons }
  // only arrays must have as many elements as the first one (kernel/bpf/arraymap.c: array_map_meta_equal)
  const fitsAsItIs = !isIndexed(type) && inner.reasons.every(({ field }) => field === 'maxEntries')
  if (fitsAsItIs) return { ...outer, verdict: worst('convertible'), reasons }
  const contents: Reason = {
    ...{ field: 'contents', pinned: 'a map of such maps', wanted: 'one of others' },
    note: 'what is in it is carried as it is, which these maps cannot be',
  }
  return { ...outer, verdict: 'incompatible', reasons: [...reasons, contents], isUnreadable: true }
}

/** The types of a map's entries as its object has them. */
export function typesOf({ kernelBtf }: Spec, { keyType, valueType }: MapSpec): MapTypes | undefined {
  return kernelBtf && { btf: kernelBtf(), key: keyType, value: valueType }
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
  if (isEqual(wanted, pinned)) return []
  const reasons: Reason[] = []
  for (const variable of spec.variables) {
    const { name, offset, size, codec } = variable
    if (variable.map !== map.name || isEqual(slice(wanted, offset, size), slice(pinned, offset, size)))
      continue
    const show = (bytes: Uint8Array): string => shortText(codec.decode(bytes, offset))
    reasons.push({ field: `constant ${name}`, wanted: show(wanted), pinned: show(pinned) })
  }
  return reasons.length > 0
    ? reasons
    : [{ field: 'contents', wanted: 'other constants', pinned: 'constants' }]
}

/** A verdict on each program of either side, by hashes or anything else that says which code it is. */
export function* comparePrograms(
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

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

const longestText = 60

function shortText(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)) ?? ''
  return text.length > longestText ? `${text.slice(0, longestText)}...` : text
}
