import type { BpfLink } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import { type BpfProgram, programHash } from '../object/index.ts'
import { linkPlace, mapPlace, type PinKind, type Place, programPlace } from '../plan/layout.ts'
import type { LinkRecord, Manifest, PinRecord } from '../plan/manifest.ts'
import { pinSteps } from '../plan/steps.ts'
import { attachTypeName } from '../spec/kernel.ts'
import type { Spec } from '../spec/types.ts'
import { applySteps } from './apply.ts'
import type { PinSite } from './reuse.ts'
import { Root } from './root.ts'

/** What is to be pinned: everything of an object that lives. */
export interface Pinnable {
  readonly spec: Spec
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly links: ReadonlyMap<string, BpfLink>
}

/**
 * Pins a whole object: all of it, or nothing.
 *
 * @param mode of the directories that are made; pins get what of it is not for directories only
 * @throws BpfError `ERR_PINNED` where the object is pinned already, `ERR_NO_BPFFS`, else with the kernel's errno.
 */
export function pinObject(live: Pinnable, site: PinSite, mode: number): void {
  using root = Root.open(site.root, mode)
  const places = pinPlaces(live, site)
  const descriptorOf = (kind: PinKind, name: string): number => {
    const item =
      kind === 'map'
        ? live.maps.get(name)
        : kind === 'program'
          ? live.programs.get(name)
          : live.links.get(name)
    if (!item) throw new Error(`the plan pins a ${kind} '${name}' that is not there`)
    return item.fd
  }
  const manifest = firstManifest(live, places)
  applySteps(pinSteps(site.directory, places), { root, mode, manifest, descriptorOf })
}

/** Where each thing that lives is to be pinned. */
function pinPlaces({ spec, maps, programs, links }: Pinnable, site: PinSite): Place[] {
  const places: Place[] = []
  const add = (place: Place | null): void => {
    if (place) places.push(place)
  }
  for (const map of spec.maps) if (maps.has(map.name)) add(mapPlace(map, site.root, site.layout))
  for (const program of spec.programs) if (programs.has(program.name)) add(programPlace(program))
  for (const program of spec.programs) if (links.has(program.name)) add(linkPlace(program))
  return places
}

function firstManifest({ spec, maps, programs, links }: Pinnable, places: readonly Place[]): Manifest {
  const idOf = { map: maps, program: programs, link: links } as const
  return {
    generation: 1,
    name: spec.name,
    created: new Date().toISOString(),
    pins: places.map((place): PinRecord => ({ ...place, id: idOf[place.kind].get(place.name)!.id })),
    links: [...links.values()].map(link => linkRecord(spec, link)),
    programs: [...programs.values()].map(({ name, spec: program }) => ({
      name,
      hash: program ? programHash(spec, program) : '',
    })),
    btf: spec.kernelBtf?.().bytes ?? new Uint8Array(0),
  }
}

function linkRecord(spec: Spec, link: BpfLink): LinkRecord {
  const { name, program, target } = link
  const info = link.info()
  const cookie = spec.programs.find(one => one.name === program)?.link.cookie
  return {
    name,
    program,
    type: link.type,
    attachType: 'attachType' in info ? attachTypeName(info.attachType) : null,
    target: target ?? null,
    cookie: cookie === undefined ? null : String(cookie),
    mode: null,
  }
}
