import { type Btf, parseBtf } from '../btf/index.ts'
import { kernelsBtf, thisMachine } from '../map/index.ts'
import type { PinnedMap } from '../plan/compare.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { Named } from '../plan/named.ts'
import { keptShape, type MapTypes, requestedShape } from '../plan/shape.ts'
import { type EntryTypes, entryTypes } from '../spec/from-btf.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import type { Generation } from './generation.ts'
import type { OpenedMap } from './open.ts'

/**
 * The types of pinned maps as their makers knew them: from the manifest, or for maps that somebody else made from the
 * kernel. One blob is read once, however many maps share it; where it is the object's own, byte for byte, the object's
 * types stand for it, and there is nothing to compare.
 */
export class PinnedTypes {
  readonly #spec: Spec
  readonly #generation: Generation | undefined
  /** The maps that the generation made. */
  readonly #made: Named<PinRecord>
  readonly #kernels = new Map<number, Btf | undefined>()
  #manifest: Btf | undefined
  #own: MapTypes | undefined
  #entries: ReadonlyMap<string, EntryTypes> | undefined

  constructor(spec: Spec, generation: Generation | undefined) {
    this.#spec = spec
    this.#generation = generation
    const pins = generation?.manifest.pins ?? []
    this.#made = new Named(pins.filter(({ kind, shared }) => kind === 'map' && !shared))
  }

  /** The types that the object itself has for a map, which share them where they are the same. */
  own({ keyType: key, valueType: value }: MapSpec): MapTypes | undefined {
    const btf = this.#spec.kernelBtf?.()
    if (btf && (this.#own?.key !== key || this.#own.value !== value)) this.#own = { btf, key, value }
    return this.#own
  }

  /** Did the generation make this map? */
  #isMade(name: string, id: number): boolean {
    return this.#made.get(name)?.id === id
  }

  /** The types of a map; `undefined` where nobody can tell. */
  of(map: MapSpec, { info }: Pick<OpenedMap, 'info'>): MapTypes | undefined {
    if (this.#isMade(map.name, info.id)) return this.#fromManifest(map)
    const { btfId, btfKeyTypeId: key, btfValueTypeId: value } = info
    if (btfId === 0) return undefined
    if (!this.#kernels.has(btfId)) this.#kernels.set(btfId, this.#ownOr(kernelsBtf(btfId)))
    const btf = this.#kernels.get(btfId)
    return btf && { btf, key, value }
  }

  /** What is in a struct_ops map that the generation made. */
  definitionOf({ name }: MapSpec, { info }: OpenedMap): PinnedMap['definition'] {
    if (!this.#isMade(name, info.id)) return undefined
    return this.#generation?.manifest.structOps?.find(({ map }) => map === name)?.definition
  }

  /** What a map of maps that the generation made was defined to hold; `undefined` where that is what it is now. */
  innerOf({ name }: MapSpec, { info, path }: OpenedMap): PinnedMap | undefined {
    const inner = this.#isMade(name, info.id) ? this.#entries?.get(name)?.inner : undefined
    if (!inner || !this.#manifest) return undefined
    const shape = keptShape(requestedShape(inner, thisMachine()), thisMachine())
    const types = { btf: this.#manifest, key: inner.keyType, value: inner.valueType }
    return { name: inner.name, path, shape, types }
  }

  #fromManifest(map: MapSpec): MapTypes | undefined {
    const { name } = map
    const { manifest } = this.#generation ?? {}
    if (!manifest || manifest.btf.length === 0) return undefined
    const { btf: bytes, name: object } = manifest
    this.#manifest ??= ownIf(this.#spec, bytes) ?? parseBtf(bytes, { where: `BTF of the pinned '${object}'` })
    const btf = this.#manifest
    // equal bytes say the same of each map
    if (btf === this.#spec.kernelBtf?.()) return this.own(map)
    this.#entries ??= entryTypes(btf, [...this.#made.keys()])
    const entry = this.#entries.get(name)
    return entry && { btf, key: entry.key, value: entry.value }
  }

  #ownOr(btf: Btf | undefined): Btf | undefined {
    return btf && (ownIf(this.#spec, btf.bytes) ?? btf)
  }
}

/** The object's own types, if these bytes are what they are made of: then nothing needs to be compared. */
export function ownIf({ kernelBtf }: Spec, bytes: Uint8Array): Btf | undefined {
  const own = kernelBtf?.()
  return own && Buffer.compare(own.bytes, bytes) === 0 ? own : undefined
}
