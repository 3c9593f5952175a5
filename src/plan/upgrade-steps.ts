import { directories, fullPath, isOutside, type PinKind, type Place } from './layout.ts'
import type { LinkAction } from './link-switch.ts'
import { isOfMap, type LinkRecord, type Manifest, type PinRecord } from './manifest.ts'
import { draftName, encodeName, manifestName, nextSuffix, previousSuffix, switchDirectory } from './names.ts'
import { manifestRemoval, type PlannedPin, type Step, spotOf } from './steps.ts'

/** A link of a new generation. */
export interface SwitchedLink extends Place {
  readonly action: Exclude<LinkAction, 'detach'>
}

/** A generation that is to take the place of another. */
export interface Succession {
  /** Name of the object's directory. */
  readonly directory: string
  /** Maps and programs; `shared` for those that are pinned at their place outside of the directory already. */
  readonly pins: readonly PlannedPin[]
  readonly links: readonly SwitchedLink[]
  /** Directories that must be made for what lies outside. */
  readonly outside: readonly string[]
  /** The maps whose entries are carried over. */
  readonly copies: readonly string[]
  /** What is pinned now. */
  readonly old: readonly PinRecord[]
}

/**
 * All up to the commit, which is the last of these steps: what fails before it is taken back, and nothing has changed.
 *
 * What can fail is done here: the programs are loaded, the links that cannot be switched in place are attached beside the
 * old ones. Entries are copied before that, so that the time in which both run is short.
 */
export function buildSteps({ directory, pins, links, outside, copies, old }: Succession): Step[] {
  const next = `${directory}${nextSuffix}`
  const draft = `${next}/${draftName}`
  const taken = new Set(old.map(({ file }) => file).filter(isOutside))
  const staged = (place: Place): string =>
    taken.has(place.file) ? stagedPath(place.file) : fullPath(place, next)
  const made = links.filter(({ action }) => action !== 'gap')
  const isNew = (pin: PlannedPin): boolean => !pin.shared
  const hasOutside = [...pins.filter(isNew), ...links].some(({ file }) => isOutside(file))
  const steps: Step[] = hasOutside ? [{ do: 'write-manifest', path: draft }] : []
  for (const path of outside) steps.push({ do: 'make-directory', path })
  for (const kind of ['map', 'program'] as const) {
    const ofKind = pins.filter(pin => pin.kind === kind && isNew(pin))
    steps.push(...directorySteps(next, kind, ofKind))
    for (const pin of ofKind) steps.push({ do: 'pin', kind, name: pin.name, ...spotOf(staged(pin)) })
  }
  if (copies.length > 0) steps.push({ do: 'make-directory', path: `${next}/${switchDirectory}` })
  for (const map of copies) steps.push({ do: 'copy', map, path: snapshotPath(next, map) })
  steps.push(...directorySteps(next, 'link', links))
  for (const link of made) {
    const { name, action, file } = link
    // the link that is there is held by two pins until the old one goes
    if (action === 'attach' || action === 'overlap') steps.push({ do: 'attach', name, path: staged(link) })
    else if (!taken.has(file)) steps.push({ do: 'pin', kind: 'link', name, ...spotOf(staged(link)) })
  }
  steps.push({ do: 'write-manifest', path: `${next}/${manifestName}` })
  if (hasOutside) steps.push(manifestRemoval(directory, draft))
  steps.push({ do: 'exchange', from: next, to: directory })
  return steps
}

function directorySteps(next: string, kind: PinKind, places: readonly Place[]): Step[] {
  if (places.every(({ file }) => isOutside(file))) return []
  return [{ do: 'make-directory', path: `${next}/${directories[kind]}` }]
}

/** Where something is pinned until it can take its path, which is taken. */
export function stagedPath(path: string): string {
  return `${path}${nextSuffix}`
}

/** Where something outside is pinned that a kept generation had at this path. */
export function keptPath(path: string): string {
  return `${path}${previousSuffix}`
}

function snapshotPath(directory: string, map: string): string {
  return `${directory}/${switchDirectory}/${encodeName(map)}`
}

/** What both manifests say when an upgrade is to be finished. */
export interface Succeeded {
  /** Name of the object's directory. */
  readonly directory: string
  readonly old: Pick<Manifest, 'pins'>
  readonly new: Pick<Manifest, 'pins' | 'conversions' | 'previous'> & {
    readonly links: readonly Pick<LinkRecord, 'name' | 'program' | 'type'>[]
  }
  /** The pins of a generation that was kept before: what lies outside may be that of the old one as well. */
  readonly kept?: readonly PinRecord[]
}

/**
 * All after the commit, when `<object>~next` is the old generation. Whoever does this needs the two manifests and nothing
 * else, and may do it again from the start: so it is finished also if the process that began it is gone.
 */
export function finishSteps(succeeded: Succeeded): Step[] {
  const { directory } = succeeded
  const { conversions = [], previous } = succeeded.new
  const removed = removedLinks(succeeded)
  const steps = [...swapSteps(succeeded), ...switchSteps(succeeded)]
  steps.push(...removalSteps(succeeded, removed))
  if (removed.length > 0) steps.push({ do: 'await-links', ids: removed.map(({ id }) => id) })
  if (succeeded.old.pins.some(({ kind }) => kind === 'link')) steps.push({ do: 'await-programs' })
  for (const { map } of conversions) steps.push({ do: 'sweep', map, path: snapshotPath(directory, map) })
  for (const { map } of conversions) {
    const spot = spotOf(snapshotPath(directory, map))
    steps.push({ do: 'unpin', kind: 'map', name: map, ...spot, id: null })
  }
  if (conversions.length > 0) steps.push({ do: 'remove-directory', path: `${directory}/${switchDirectory}` })
  if (previous === 'keep') return [...steps, ...keepSteps(succeeded)]
  if (previous === 'drop') steps.push({ do: 'drop-previous', path: `${directory}${previousSuffix}` })
  return [...steps, ...dropSteps(succeeded)]
}

/** New pins outside that take the path of an old one. */
function swapSteps(succeeded: Succeeded): Step[] {
  return swapped(succeeded).map(({ kind, name, file, id }) => ({
    ...{ do: 'swap', kind, name, from: stagedPath(file), to: file, id },
  }))
}

function swapped({ old, new: { pins } }: Succeeded): PinRecord[] {
  const ids = new Map(old.pins.map(pin => [pin.file, pin.id]))
  return pins.filter(
    ({ file, id, shared }) => isOutside(file) && !shared && id !== 0 && (ids.get(file) ?? id) !== id,
  )
}

/** Links that go on with another program, and those that can only be made when the old one is gone. */
function switchSteps({ directory, old, new: { pins, links } }: Succeeded): Step[] {
  const records = new Map(links.map(link => [link.name, link]))
  const oldIds = new Set(old.pins.filter(({ kind }) => kind === 'link').map(({ id }) => id))
  return pins.flatMap((pin): Step[] => {
    const { kind, name, id } = pin
    if (kind !== 'link' || !oldIds.has(id)) return []
    const path = fullPath(pin, directory)
    const record = records.get(name)
    const held = record && isOfMap(record) ? 'map' : 'program'
    return [{ do: 'update-link', name, path, kind: held, program: record?.program ?? name }]
  })
}

/** The links of the old generation that the new one has not: some of them must go before others can be made. */
function removedLinks({ old, new: { pins } }: Succeeded): PinRecord[] {
  const kept = new Set(pins.filter(({ kind }) => kind === 'link').map(({ id }) => id))
  return old.pins.filter(({ kind, id, shared }) => kind === 'link' && !shared && !kept.has(id))
}

function removalSteps(succeeded: Succeeded, removed: readonly PinRecord[]): Step[] {
  const {
    directory,
    new: { pins },
  } = succeeded
  const names = new Set(pins.filter(({ kind }) => kind === 'link').map(({ name }) => name))
  const gaps = pins.filter(({ kind, id }) => kind === 'link' && id === 0)
  const pathOf = oldPathsOf(succeeded)
  const remove = (pin: PinRecord): Step[] => {
    const path = pathOf(pin)
    const { kind, name, id } = pin
    return [
      { do: 'detach', name, path, id },
      { do: 'unpin', kind, name, ...spotOf(path), id },
    ]
  }
  const steps: Step[] = []
  for (const gap of gaps) {
    const before = removed.filter(({ name }) => name === gap.name)
    steps.push(...before.flatMap(remove))
    if (before.length > 0) steps.push({ do: 'await-links', ids: before.map(({ id }) => id) })
    steps.push({ do: 'attach', name: gap.name, path: fullPath(gap, directory) })
  }
  if (gaps.length > 0) steps.push({ do: 'rewrite-manifest', path: `${directory}/${manifestName}` })
  const rest = removed.filter(({ name }) => !gaps.some(gap => gap.name === name))
  const replaced = rest.filter(({ name }) => names.has(name))
  const vanished = rest.filter(({ name }) => !names.has(name))
  return [...steps, ...replaced.flatMap(remove), ...vanished.flatMap(remove)]
}

/** Where the pins of the old generation are after the commit. */
function oldPathsOf(succeeded: Succeeded): (pin: PinRecord) => string {
  const inTheWay = new Set(swapped(succeeded).map(({ file }) => file))
  const at = `${succeeded.directory}${nextSuffix}`
  return pin => (inTheWay.has(pin.file) ? stagedPath(pin.file) : fullPath(pin, at))
}

/** The pins of the old generation that are still there, and are not the new one's as well. */
function remaining(succeeded: Succeeded): PinRecord[] {
  const kept = new Set(succeeded.new.pins.map(({ file, id }) => `${id} ${file}`))
  const removed = new Set(removedLinks(succeeded))
  const isKept = ({ file, id }: PinRecord): boolean => isOutside(file) && kept.has(`${id} ${file}`)
  return succeeded.old.pins.filter(pin => !pin.shared && !isKept(pin) && !removed.has(pin))
}

/** Is a pin outside also that of a generation that was kept before, and stays so? */
function keptBefore({ kept = [], new: { previous } }: Succeeded): (pin: PinRecord) => boolean {
  const stays = previous === undefined ? kept : []
  const known = new Set(
    stays.flatMap(({ kind, file, id }) =>
      kind !== 'link' && isOutside(file) ? [`${kind} ${id} ${file}`] : [],
    ),
  )
  return ({ kind, file, id }) => known.has(`${kind} ${id} ${file}`)
}

/** Removes the old generation; the manifest last, so that what a stop leaves says what it is. */
function dropSteps(succeeded: Succeeded): Step[] {
  const at = `${succeeded.directory}${nextSuffix}`
  const pins = remaining(succeeded)
  const pathOf = oldPathsOf(succeeded)
  const isKept = keptBefore(succeeded)
  const steps: Step[] = []
  for (const kind of ['link', 'program', 'map'] as const) {
    const ofKind = pins.filter(pin => pin.kind === kind)
    for (const pin of ofKind) {
      if (isKept(pin)) steps.push({ do: 'move', from: pathOf(pin), to: keptPath(pin.file) })
      else steps.push({ do: 'unpin', kind, name: pin.name, ...spotOf(pathOf(pin)), id: pin.id })
    }
    if (hasInside(succeeded.old.pins, kind)) {
      steps.push({ do: 'remove-directory', path: `${at}/${directories[kind]}` })
    }
  }
  steps.push(manifestRemoval(succeeded.directory, `${at}/${manifestName}`))
  steps.push({ do: 'remove-directory', path: at })
  return steps
}

/** Keeps the old generation for a way back, without its links: a pinned link is attached. */
function keepSteps(succeeded: Succeeded): Step[] {
  const { directory } = succeeded
  const at = `${directory}${nextSuffix}`
  const pins = remaining(succeeded)
  const pathOf = oldPathsOf(succeeded)
  const links = pins.filter(({ kind }) => kind === 'link')
  const steps: Step[] = links.map(pin => {
    const { kind, name, id } = pin
    return { do: 'unpin', kind, name, ...spotOf(pathOf(pin)), id }
  })
  if (hasInside(succeeded.old.pins, 'link')) {
    steps.push({ do: 'remove-directory', path: `${at}/${directories.link}` })
  }
  steps.push({ do: 'drop-previous', path: `${directory}${previousSuffix}` })
  for (const pin of pins) {
    if (pin.kind === 'link' || !isOutside(pin.file)) continue
    steps.push({ do: 'move', from: pathOf(pin), to: keptPath(pin.file) })
  }
  steps.push({ do: 'move', from: at, to: `${directory}${previousSuffix}` })
  return steps
}

function hasInside(pins: readonly PinRecord[], kind: PinKind): boolean {
  return pins.some(pin => pin.kind === kind && !isOutside(pin.file))
}
