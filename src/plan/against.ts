import { identityBytes } from '../spec/assemble.ts'
import { type LinkOwner, linkOwners } from '../spec/link-owner.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import { targetText } from '../spec/targets.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import { compareMaps, comparePrograms, isEqual, type PinnedMap, typesOf } from './compare.ts'
import { keptShape, type Machine, requestedShape } from './shape.ts'
import type { ItemVerdict, LinkVerdict, Reason } from './verdict.ts'

/** What sizes depend on is the same for both objects, wherever they are compared. */
const anyMachine: Machine = { possibleCpus: 1, pageSize: 4096 }

/**
 * What the upgrade from one object to another would be, by their files alone. What only live maps can tell counts as
 * the worse case, and the reason says so. The path of a map is its name.
 */
export function compareSpecs(old: Spec, now: Spec): ItemVerdict[] {
  const paths = new Map(now.maps.map(({ name }) => [name, name]))
  const hasSameTypes = isSameBtf(old, now)
  return [
    ...compareMaps(
      { spec: now, paths },
      old.maps.map(map => asPinned(hasSameTypes ? { ...old, kernelBtf: now.kernelBtf } : old, map)),
      anyMachine,
    ),
    ...comparePrograms(codeOf(now), programsOf(old)),
    ...compareHooks(linkOwners(old), linkOwners(now)),
  ]
}

/** Two blobs of the same bytes need no comparison of what is in them. */
function isSameBtf(old: Spec, now: Spec): boolean {
  const [a, b] = [old, now].map(({ kernelBtf }) => kernelBtf?.().bytes)
  return a !== undefined && b !== undefined && isEqual(a, b)
}

/** What would be pinned of a map. */
function asPinned(spec: Spec, map: MapSpec): PinnedMap {
  const shape = keptShape(requestedShape(map, anyMachine), anyMachine)
  const types = typesOf(spec, map)
  const { name, section, inner, structOps } = map
  return {
    ...{ name, path: name, shape },
    ...(types ? { types } : {}),
    ...(inner ? { inner: asPinned(spec, inner) } : {}),
    ...(section?.isConstant ? { contents: section.contents } : {}),
    ...(structOps ? { definition: structOps.definition } : {}),
  }
}

/** The code of the programs that are loaded, by name. */
function codeOf(spec: Spec): Map<string, string> {
  const latin1 = new TextDecoder('latin1')
  const loaded = loadedPrograms(spec)
  return new Map(loaded.map(program => [program.name, latin1.decode(identityBytes(spec, program))]))
}

function programsOf(spec: Spec): { readonly name: string; readonly hash: string }[] {
  return Array.from(codeOf(spec), ([name, hash]) => ({ name, hash }))
}

/** By what the sections of programs say, where else they are attached is not in the file; and what is registered. */
function* compareHooks(old: readonly LinkOwner[], now: readonly LinkOwner[]): Generator<LinkVerdict> {
  const left = hooksOf(old)
  for (const [name, section] of hooksOf(now)) {
    const pinned = left.get(name)
    left.delete(name)
    const reasons: Reason[] =
      pinned === section ? [] : [{ field: 'target', wanted: section, pinned: pinned ?? 'none' }]
    if (pinned === undefined) yield { kind: 'link', name, verdict: 'new', reasons: [] }
    else yield { kind: 'link', name, verdict: pinned === section ? 'identical' : 'changed', reasons }
  }
  for (const name of left.keys()) yield { kind: 'link', name, verdict: 'gone', reasons: [] }
}

function hooksOf(owners: readonly LinkOwner[]): Map<string, string> {
  const attached = owners.filter(({ autoattach, rule }) => autoattach && rule?.family)
  return new Map(
    attached.map(({ name, section, type, target }) => [
      name,
      type === 'struct_ops' && target ? targetText(target) : section,
    ]),
  )
}
