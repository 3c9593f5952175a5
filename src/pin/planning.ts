import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { BpfLink, plannedLinks } from '../link/index.ts'
import { type BpfMap, thisMachine } from '../map/index.ts'
import { comparePinned } from '../plan/compare.ts'
import { fullPath, isOutside, linkPlace, mapPlace, type Place, placesOf, wholeOf } from '../plan/layout.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { isNeverShared } from '../plan/map-families.ts'
import { actionOf, type OnMismatch, type Policy, worstMap } from '../plan/policy.ts'
import { type PlannedPin, pinSteps, type Step } from '../plan/steps.ts'
import {
  type PinnedSwitch,
  type Plan,
  type PlannedMap,
  type PlannedProgram,
  planLinks,
  refusedOf,
  type WantedSwitch,
  withoutKeptParts,
} from '../plan/upgrade.ts'
import { buildSteps, finishSteps } from '../plan/upgrade-steps.ts'
import { fits, type ItemVerdict, isGrade, type MapVerdict, PinMismatchError } from '../plan/verdict.ts'
import { type LinkOwner, linkOwners } from '../spec/link-owner.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import type { Spec } from '../spec/types.ts'
import { closedAfter } from '../syscall/index.ts'
import { compareLive } from './found.ts'
import { type Generation, keptPins } from './generation.ts'
import { openMapAt, openPin } from './open.ts'
import { missingDirectories } from './pin.ts'
import { PinnedTypes } from './pinned-types.ts'
import { labelOf } from './recorded.ts'
import { type PinSite, pinnedMap } from './reuse.ts'
import type { Root } from './root.ts'
import type { TakeoverOptions } from './takeover.ts'

/** What is said about an upgrade, besides how to pin. */
export interface SuccessionOptions {
  /** What may be done about pinned maps that do not fit. Default `'refuse'`. */
  readonly onMismatch?: OnMismatch
  /** The same for single maps, by name. */
  readonly maps?: Readonly<Record<string, OnMismatch>>
  /** Keeps the generation that is replaced, for `rollback()`. */
  readonly keepPrevious?: boolean
  /** Goes on where a link cannot be switched without losing events. */
  readonly allowGap?: boolean
}

/** What is pinned of an object, compared with what it asks for. */
export interface PinnedState {
  readonly generation: Generation
  /** Those that the object has, too, open. */
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly verdicts: readonly ItemVerdict[]
  readonly links: readonly PinnedSwitch[]
}

/** Reads what is pinned of an object, and compares it with what the object asks for; the caller closes the maps. */
export function readState(spec: Spec, site: PinSite, generation: Generation): PinnedState {
  const maps = new Map<string, BpfMap>()
  try {
    const verdicts = compareLive(spec, site, generation, maps)
    return { generation, maps, verdicts, links: pinnedSwitches(generation) }
  } catch (error) {
    closeAll(maps.values())
    throw error
  }
}

/** The pinned links, and whether they are alive; one whose pin is gone is not. */
export function pinnedSwitches(generation: Generation): PinnedSwitch[] {
  const { pins, links, programs } = generation.manifest
  const records = new Map(links.map(link => [link.name, link]))
  const owners = new Map(programs.map(program => [program.name, program]))
  return pins.flatMap(pin => {
    const record = pin.kind === 'link' ? records.get(pin.name) : undefined
    if (!record) return []
    const parts = pins.filter(({ kind, name }) => kind === 'link' && wholeOf(name) === pin.name)
    return [
      {
        ...{ pin, record, program: owners.get(record.program) },
        isAlive: [pin, ...parts].every(one => isAlive(generation, one, record.target)),
        hasParts: parts.length > 0,
      },
    ]
  })
}

function isAlive(generation: Generation, pin: PinRecord, target: PinnedSwitch['record']['target']): boolean {
  try {
    const { name } = pin
    using link = new BpfLink({
      ...{ fd: openPin(generation, pin), name, program: name },
      target: target ?? undefined,
    })
    return link.alive
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ERR_PIN_MISSING') return false
    throw error
  }
}

/**
 * The links that an object asks for and that are to be pinned. What it says nothing about stays where it is: so a target has
 * to be given only once.
 */
export function wantedSwitches(spec: Spec, site: PinSite, pinned: readonly PinnedSwitch[]): WantedSwitch[] {
  const records = new Map(pinned.map(({ record }) => [record.name, record]))
  return linkOwners(spec).flatMap(program => {
    if (!program.autoattach || program.link.pinPath === null) return []
    const wanted: WantedSwitch[] = []
    const add = (name: string, label: string | undefined, target: WantedSwitch['target']): void => {
      const place = linkPlace(program, site.root, label)
      if (place) wanted.push({ name, label, place, target, spec: withTarget(program, label, target) })
    }
    for (const { name, label, target } of plannedLinks(program)) {
      const known = records.get(name)
      records.delete(name)
      const place = target ?? known?.declared ?? known?.target
      if (place) add(name, label, place)
    }
    for (const record of records.values()) {
      const target = record.declared ?? record.target
      if (record.program === program.name && target) add(record.name, labelOf(record), target)
    }
    return wanted
  })
}

function withTarget(spec: LinkOwner, label: string | undefined, target: WantedSwitch['target']): LinkOwner {
  if (label === undefined) return { ...spec, target }
  return { ...spec, targets: { ...spec.targets, [label]: target } }
}

/** Plans what a call would do with an object and what is pinned of it. Changes nothing. */
export function planUpgrade(
  spec: Spec,
  site: PinSite,
  state: PinnedState,
  root: Root,
  options: SuccessionOptions & Pick<TakeoverOptions, 'convert'>,
): Plan {
  const { generation, verdicts } = state
  const policy: Policy = {
    onMismatch: options.onMismatch ?? 'refuse',
    maps: options.maps ?? {},
    hasFunction: map => Object.hasOwn(options.convert ?? {}, map),
  }
  const shared = new Set(generation.manifest.pins.filter(pin => pin.shared).map(({ name }) => name))
  const neverShared = new Set(spec.maps.filter(isNeverShared).map(({ name }) => name))
  const graded = verdicts.flatMap((item): PlannedMap[] => {
    if (item.kind !== 'map') return []
    const action = actionOf(item, policy)
    const isOthers = shared.has(item.name) && isGrade(item.verdict) && !fits(item)
    return [isOthers ? asShared(item) : { ...item, action }]
  })
  const codeVerdicts = verdicts.filter(item => item.kind === 'program')
  const isReloaded =
    codeVerdicts.some(item => item.verdict !== 'identical') || graded.some(({ action }) => action !== 'reuse')
  const others = graded.some(({ verdict }) => verdict === 'new') ? mapsOfOthers(spec, site) : undefined
  const maps = graded.map((map): PlannedMap => {
    if (map.verdict === 'new') return others?.get(map.name) ?? map
    return isReloaded && map.action === 'reuse' && neverShared.has(map.name)
      ? { ...map, action: 'create' }
      : map
  })
  const programs = codeVerdicts.map((item): PlannedProgram => {
    const action = item.verdict === 'gone' ? 'drop' : isReloaded ? 'load' : 'keep'
    return { ...item, action }
  })
  const wanted = wantedSwitches(spec, site, state.links)
  const linkVerdicts = new Map(
    verdicts.flatMap(item => (item.kind === 'link' ? [[item.name, item] as const] : [])),
  )
  const asked = planLinks(wanted, state.links, linkVerdicts, isReloaded)
  const kind = isReloaded ? 'upgrade' : asked.every(({ action }) => action === 'keep') ? 'find' : 'relink'
  const links = kind === 'relink' ? withoutKeptParts(asked, state.links) : asked
  const refused = refusedOf(maps)
  const gaps = options.allowGap ? [] : links.filter(({ action }) => action === 'gap').map(({ name }) => name)
  const plan = {
    object: spec.name,
    path: generation.path,
    verdict: worstMap(maps),
    kind,
    maps,
    programs,
    links,
  } as const
  const steps =
    kind === 'find' || refused.length > 0
      ? []
      : plannedSteps(spec, site, state, root, { ...plan, wanted }, options)
  return { ...plan, steps, refused, gaps }
}

/** A map that others use, too, is used as it is or not at all: they would go on with the old one. */
function asShared(map: MapVerdict): PlannedMap {
  const reason = {
    ...{ field: 'map', pinned: 'that others share', wanted: 'another' },
    note: 'one that is shared is never converted or replaced',
  }
  return { ...map, reasons: [...map.reasons, reason], isShared: true, action: 'refuse' }
}

/** Of an object of which nothing is pinned. */
export function planInstall(spec: Spec, site: PinSite): Plan {
  const path = `${site.root}/${site.directory}`
  const wanted = wantedSwitches(spec, site, [])
  const places = placesOf(spec, site)
  const others = mapsOfOthers(spec, site)
  const maps = places.flatMap((place): PlannedMap[] => {
    const { kind, name } = place
    const at = fullPath(place, path)
    if (kind !== 'map') return []
    return [others.get(name) ?? { kind, name, path: at, verdict: 'new', reasons: [], action: 'create' }]
  })
  const refused = refusedOf(maps)
  const loaded = loadedPrograms(spec)
  const own = places.filter(({ kind, name }) => kind !== 'map' || !others.has(name))
  const all = [...own, ...wanted.map(({ place }) => place)]
  return {
    ...{
      object: spec.name,
      path,
      verdict: refused.length > 0 ? worstMap(maps) : 'new',
      kind: 'install',
      maps,
    },
    programs: loaded.map(({ name }) => ({ kind: 'program', name, verdict: 'new', action: 'load' })),
    links: planLinks(wanted, [], new Map(), true),
    steps: refused.length > 0 ? [] : pinSteps(site.directory, all, missingDirectories(all)),
    ...{ refused, gaps: [] },
  }
}

/** Maps that are pinned already where the object looks for new ones, outside: they are used as they are, or not at all. */
function mapsOfOthers(spec: Spec, site: PinSite): Map<string, PlannedMap> {
  const planned = new Map<string, PlannedMap>()
  const types = new PinnedTypes(spec, undefined)
  for (const map of spec.maps) {
    const place = isNeverShared(map) ? null : mapPlace(map, site.root, site.layout)
    const found = place && openMapAt(place, undefined)
    if (!found) continue
    const verdict = closedAfter(found.fd, () =>
      comparePinned(spec, map, pinnedMap(map, found, types), thisMachine()),
    )
    if (fits(verdict)) planned.set(map.name, { ...verdict, action: 'reuse' })
    else if (isGrade(verdict.verdict)) planned.set(map.name, asShared(verdict))
  }
  return planned
}

type Planned = Pick<Plan, 'kind' | 'maps' | 'links'> & { readonly wanted: readonly WantedSwitch[] }

/** The steps of an upgrade before anything is made: what will be new has no id yet, and stands here with one below 0. */
function plannedSteps(
  spec: Spec,
  site: PinSite,
  { generation: { manifest } }: PinnedState,
  root: Root,
  { kind, maps, links, wanted }: Planned,
  { keepPrevious = false }: SuccessionOptions,
): Step[] {
  const reused = new Set(maps.filter(({ action }) => action === 'reuse').map(({ name }) => name))
  const oldPins = new Map(manifest.pins.map(pin => [`${pin.kind} ${pin.name}`, pin]))
  let unknown = 0
  const recordOf = (place: Place, isKept: boolean): PinRecord => {
    const old = isKept ? oldPins.get(`${place.kind} ${place.name}`) : undefined
    // what is used and was not pinned by the generation before is another object's
    const isShared = old ? old.shared : isKept
    return { ...place, id: old?.id ?? --unknown, ...(isShared ? { shared: true } : {}) }
  }
  const pins = placesOf(spec, site).map(place =>
    recordOf(place, kind === 'relink' || (place.kind === 'map' && reused.has(place.name))),
  )
  const actions = new Map(links.map(({ name, action }) => [name, action]))
  const linkPins = wanted.flatMap(({ name, place }) => {
    const action = actions.get(name)
    if (action === undefined || action === 'detach') return []
    const record = recordOf(place, action === 'update' || action === 'keep')
    return [{ ...record, action, id: action === 'gap' ? 0 : record.id }]
  })
  const copies = maps.filter(({ action }) => action === 'convert').map(({ name }) => name)
  const isThere = ({ file, id }: PinRecord): boolean => isOutside(file) && id > 0
  const { directory } = site
  const outside = missingDirectories([...pins.filter(pin => !isThere(pin)), ...linkPins])
  return [
    ...buildSteps({
      ...{ directory, copies, links: linkPins, outside, old: manifest.pins },
      pins: pins.map((pin): PlannedPin => (isThere(pin) ? { ...pin, shared: true } : pin)),
    }),
    ...finishSteps({
      directory,
      old: manifest,
      kept: keptPins(root, spec.name, manifest.pins),
      new: {
        pins: [...pins, ...linkPins],
        links: wanted.map(({ name, spec: { name: program, type } }) => ({ name, program, type })),
        conversions: copies.map(map => ({ map, merge: {} })),
        ...(keepPrevious ? { previous: 'keep' as const } : {}),
      },
    }),
  ]
}

/**
 * Refuses what a plan says may not be done.
 *
 * @throws PinMismatchError where maps do not fit, BpfError `ERR_GAP` where a link cannot be switched without losing events.
 */
export function refuse({ object, path, refused, gaps }: Plan): void {
  if (refused.length > 0) throw new PinMismatchError(object, path, refused)
  if (gaps.length === 0) return
  const links = gaps.map(name => `'${name}'`).join(', ')
  throw new BpfError(
    `upgrading object '${object}' would lose events: link ${links} must go before the new program can be attached`,
    { code: 'ERR_GAP', path, hint: 'allow it with allowGap (--allow-gap), or leave the program as it is' },
  )
}
