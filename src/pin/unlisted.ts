import type { BpfMap } from '../map/index.ts'
import { thisMachine } from '../map/index.ts'
import { type BpfProgram, hookType, type Likeness, likenesses } from '../object/index.ts'
import { compareMaps, comparePrograms, type WantedObject } from '../plan/compare.ts'
import {
  directories,
  fullPath,
  isOutside,
  type PinKind,
  type Place,
  placesOf,
  wholeOf,
} from '../plan/layout.ts'
import type { LinkRecord, Manifest, PinRecord } from '../plan/manifest.ts'
import { decodeName } from '../plan/names.ts'
import { fits, type ItemVerdict, type LinkVerdict, PinMismatchError, type Reason } from '../plan/verdict.ts'
import type { CoreTarget } from '../spec/core/candidates.ts'
import { attachTypeName, programTypes } from '../spec/kernel.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import { needsBtfTarget } from '../spec/sections.ts'
import { functionToLoad } from '../spec/targets.ts'
import type { ProgramSpec, Spec } from '../spec/types.ts'
import { closedAfter, closeFd, ENOENT, linkInfo, systemError } from '../syscall/index.ts'
import { entriesOf } from './entries.ts'
import { closeFound, type Found, openLinks, openMaps, openPrograms, wantedObject } from './found.ts'
import type { Generation, Unlisted } from './generation.ts'
import { idOf } from './identity.ts'
import { openPin } from './open.ts'
import { PinnedTypes } from './pinned-types.ts'
import type { PinSite } from './reuse.ts'
import { getPlace } from './trusted-path.ts'

/**
 * As `findObject`, in a directory that has no manifest: maps are compared by what the kernel knows of them, programs by
 * their tags, types and the maps that they use. Where links are attached the kernel tells in part only: each must run the
 * object's program.
 *
 * @param types what CO-RE relocations are resolved by
 * @throws PinMismatchError with every difference; BpfError `ERR_PIN_KIND`, `ERR_LINK_DEAD`.
 */
export function findUnlisted(spec: Spec, site: PinSite, directory: Unlisted, types?: CoreTarget): Found {
  const wanted = wantedObject(spec, site)
  const generation = { ...directory, manifest: asListed(spec, site, directory, wanted) }
  const found = {
    identity: 'tag' as const,
    maps: new Map<string, BpfMap>(),
    programs: new Map<string, BpfProgram>(),
    links: new Map(),
  }
  try {
    // the kernel's own types: there is no manifest that would have others
    const kernels = new PinnedTypes(spec, undefined)
    const maps = openMaps(spec, wanted.paths, generation, found.maps, kernels)
    openPrograms(spec, generation, found)
    const verdicts: ItemVerdict[] = [
      ...compareMaps(wanted, maps, thisMachine()),
      ...programVerdicts(spec, found, types),
      ...linkVerdicts(spec, wanted, generation, found.programs),
    ]
    const differences = verdicts.filter(item => !fits(item))
    if (differences.length > 0) throw new PinMismatchError(spec.name, generation.path, differences)
    openLinks(generation, found.links)
    return found
  } catch (error) {
    closeFound(found)
    throw error
  }
}

/** What a manifest would list: all that is pinned in the directory, and what the object would pin outside of it. */
function asListed(spec: Spec, site: PinSite, directory: Unlisted, { links }: WantedObject): Manifest {
  const outside = placesOf(spec, site).filter(place => isOutside(place.file))
  const pins = [...insidePlaces(directory), ...outside].flatMap(place => recordOf(place, directory))
  const owners = spec.programs.map(({ name }) => name)
  const ofLinks = pins.filter(({ kind }) => kind === 'link')
  return {
    ...{ generation: 0, name: spec.name, created: '', pins, programs: [], btf: new Uint8Array(0) },
    links: ofLinks
      .filter(({ name }) => wholeOf(name) === undefined)
      .map(({ name }): LinkRecord => {
        const program = owners.find(owner => name === owner || name.startsWith(`${owner}~`)) ?? name
        // the kernel tells of few where they are
        const { target = null, cookie = null } = links.get(name) ?? {}
        return { name, program, type: '', attachType: null, target, cookie, mode: null }
      }),
  }
}

function insidePlaces({ directory, path }: Unlisted): Place[] {
  const kinds = Object.entries(directories) as [PinKind, string][] // which Object makes strings of
  return kinds.flatMap(([kind, inside]) => {
    const about = { doing: 'looking for what is pinned there', path: `${path}/${inside}` }
    return entriesOf(directory, inside, about).map(({ name: file }) => ({
      ...{ kind, name: decodeName(file), file },
    }))
  })
}

/** Nothing where nothing is pinned; where something of another kind is, opening it says so. */
function recordOf(place: Place, { directory, path }: Unlisted): PinRecord[] {
  const { kind, name, file } = place
  const fd = getPlace(place, directory)
  if (fd === ENOENT) return []
  if (fd < 0) {
    const doing = `opening pinned ${kind} '${name}'`
    throw systemError(fd, 'bpf(BPF_OBJ_GET)', { doing, path: fullPath(place, path) })
  }
  return closedAfter(fd, () => [{ kind, name, file, id: idOf(fd, kind) ?? 0 }])
}

type Opened = Pick<Found, 'maps' | 'programs'>

/** Is each program what the kernel would make of the object's? */
function programVerdicts(spec: Spec, { maps, programs }: Opened, types?: CoreTarget): Iterable<ItemVerdict> {
  // what is pinned nowhere cannot be looked at
  const wanted = loadedPrograms(spec).filter(({ pinPath }) => pinPath !== null)
  const expected = likenesses(spec, wanted, types)
  const own = 'what this object would load'
  const pinned = [...programs.values()].map(live => {
    const likeness = expected.get(live.name)
    const isOwn = likeness && live.spec && isLike(live, live.spec, likeness, maps)
    return { name: live.name, hash: isOwn ? own : 'something else' }
  })
  return comparePrograms(new Map(wanted.map(({ name }) => [name, own])), pinned)
}

function isLike(
  live: BpfProgram,
  program: ProgramSpec,
  { tags, maps: names }: Likeness,
  maps: Opened['maps'],
): boolean {
  const { tag, type, mapIds, attachBtfId } = live.info()
  if (!tags.includes(tag) || type !== programTypes[program.type]) return false
  if (!functionToLoad(program) && needsBtfTarget(program) && attachBtfId !== 0) {
    if (attachBtfId !== hookType(program).id) return false
  }
  // the kernel lists them in the order of their first use (kernel/bpf/verifier.c: resolve_pseudo_ldimm64), bound ones last
  return names.every((name, i) => {
    const map = maps.get(name)
    return !map || map.id === mapIds[i]
  })
}

function* linkVerdicts(
  spec: Spec,
  { links }: WantedObject,
  generation: Generation,
  programs: Opened['programs'],
): Generator<LinkVerdict> {
  const pinned = new Map(
    generation.manifest.pins.flatMap(pin => (pin.kind === 'link' ? [[pin.name, pin]] : [])),
  )
  for (const name of links.keys()) {
    if (!pinned.has(name)) yield { kind: 'link', name, verdict: 'new', reasons: [] }
  }
  for (const { name, program } of generation.manifest.links) {
    const owner = spec.programs.find(one => one.name === program)
    const live = programs.get(program)
    const pin = pinned.get(name)
    if (!owner) yield { kind: 'link', name, verdict: 'gone', reasons: [] }
    else if (pin) {
      const reasons = [...linkReasons(generation, pin, owner, live)]
      yield { kind: 'link', name, verdict: reasons.length === 0 ? 'identical' : 'changed', reasons }
    }
  }
}

/** Does a link run the object's program, where programs of its kind are attached? */
function* linkReasons(
  generation: Generation,
  pin: PinRecord,
  { attachType }: ProgramSpec,
  live: BpfProgram | undefined,
): Generator<Reason> {
  const fd = openPin(generation, pin)
  const info = linkInfo(fd)
  closeFd(fd)
  if (typeof info === 'number') {
    throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', {
      doing: `reading information about link '${pin.name}'`,
    })
  }
  if (live && info.progId !== live.id) {
    yield { field: 'program', wanted: `that with id ${live.id}`, pinned: `one with id ${info.progId}` }
  }
  const pinned = 'attachType' in info ? attachTypeName(info.attachType) : undefined
  if (pinned !== undefined && attachType !== undefined && pinned !== attachType) {
    yield { field: 'attach type', wanted: attachType, pinned }
  }
}
