import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import type { BpfLink } from '../link/index.ts'
import { BpfMap, shapeOf } from '../map/index.ts'
import { BpfProgram } from '../object/index.ts'
import { compareLink } from '../plan/compare.ts'
import { isOutside } from '../plan/layout.ts'
import type { LinkRecord, PinRecord } from '../plan/manifest.ts'
import { planLinks, type WantedSwitch } from '../plan/upgrade.ts'
import { keptPath } from '../plan/upgrade-steps.ts'
import { closeGeneration, type Generation, openGeneration, openPrevious } from './generation.ts'
import { occupantOf } from './identity.ts'
import { openPin, openPinnedMap } from './open.ts'
import { type ItemPin, missingDirectories, sharing, type Writer } from './pin.ts'
import { pinnedSwitches } from './planning.ts'
import { labelOf, recordedOwner } from './recorded.ts'
import { type MapOutcome, type SucceedingLink, succeed, type UpgradeReport } from './succession.ts'

export interface RollbackOptions {
  /** Keeps the generation that is left, so that the next rollback goes forward again. */
  readonly keepPrevious?: boolean
  /** Goes on where a link cannot be switched without losing events. */
  readonly allowGap?: boolean
  /** Lets go of what this process holds of the generation that is left. */
  readonly onCommit?: () => void
}

/**
 * Puts the generation that was kept in the place of the current one, as an upgrade does: maps that both have keep everything,
 * maps that were converted hold again what they held at the switch.
 *
 * @throws BpfError `ERR_NOT_PINNED`, `ERR_NO_PREVIOUS`, `ERR_GAP`
 */
export function rollbackObject(writer: Writer, object: string, options: RollbackOptions = {}): UpgradeReport {
  const current = openGeneration(writer.root, object)
  if (!current) {
    throw new BpfError(`no object '${object}' is pinned below ${writer.root.path}`, {
      code: 'ERR_NOT_PINNED',
      path: writer.root.path,
    })
  }
  const open: { close(): void }[] = []
  try {
    const previous = openPrevious(writer.root, object)
    if (!previous) throw nothingKept(object, current.path)
    open.push({ close: () => closeGeneration(previous) })
    return goBack(writer, current, previous, options, open)
  } finally {
    closeAll(open)
    closeGeneration(current)
  }
}

function nothingKept(object: string, path: string): BpfError {
  return new BpfError(`object '${object}' has no earlier generation to go back to`, {
    code: 'ERR_NO_PREVIOUS',
    path,
    hint: 'an upgrade keeps one if it is told to: keepPrevious, or bpfpin pin --keep-previous',
  })
}

function goBack(
  writer: Writer,
  current: Generation,
  previous: Generation,
  { keepPrevious = false, allowGap = false, onCommit = () => {} }: RollbackOptions,
  open: { close(): void }[],
): UpgradeReport {
  const { manifest } = previous
  const { maps, programs } = openKept(previous, open)
  const links = returningLinks(current, previous)
  const gap = links.find(({ action }) => action === 'gap')
  if (gap && !allowGap) throw wouldLose(manifest.name, gap.place.name, current.path)
  const pins = returningPins(manifest.pins, current)
  const live = new Map<string, BpfLink>()
  open.push({ close: () => closeAll(live.values()) })
  return succeed(
    {
      ...{ name: manifest.name, maps, programs, pins, links, takeovers: [] },
      programRecords: manifest.programs,
      directories: missingDirectories(pins.filter(({ isThere }) => !isThere)),
      outcomes: returningMaps(current, previous),
      ...(manifest.structOps ? { structOps: manifest.structOps } : {}),
      previous: keepPrevious ? 'keep' : 'drop',
      btf: manifest.btf,
      onCommit,
    },
    current,
    writer,
    live,
  )
}

function returningMaps({ manifest: { pins } }: Generation, previous: Generation): MapOutcome[] {
  const left = new Map(pins.flatMap(({ kind, name, id }) => (kind === 'map' ? [[name, id] as const] : [])))
  const outcomes = previous.manifest.pins.flatMap(({ kind, name, id }): MapOutcome[] => {
    if (kind !== 'map') return []
    const isKept = left.get(name) === id
    left.delete(name)
    return [{ name, action: isKept ? 'reuse' : 'restore' }]
  })
  return [...outcomes, ...Array.from(left.keys(), name => ({ name, action: 'drop' as const }))]
}

/** @param open is told what is to be closed */
function openKept(
  previous: Generation,
  open: { close(): void }[],
): { readonly maps: Map<string, BpfMap>; readonly programs: Map<string, BpfProgram> } {
  const maps = new Map<string, BpfMap>()
  const programs = new Map<string, BpfProgram>()
  for (const pin of previous.manifest.pins) {
    const { kind, name } = pin
    if (kind === 'map') {
      const { fd, info } = openPinnedMap(previous, whereKept(pin))
      const map = new BpfMap({ fd, name, shape: shapeOf(info), id: info.id })
      maps.set(name, map)
      open.push(map)
    } else if (kind === 'program') {
      const program = new BpfProgram({ name, fd: openPin(previous, whereKept(pin)) })
      programs.set(name, program)
      open.push(program)
    }
  }
  return { maps, programs }
}

/** The links that the earlier generation had, as they come from those that there are. */
function returningLinks(current: Generation, previous: Generation): SucceedingLink[] {
  const pinned = pinnedSwitches(current)
  const wanted = recordedSwitches(previous)
  const records = new Map(pinned.map(({ record }) => [record.name, record]))
  const verdicts = wanted.map(({ name, target, spec: { link } }) => {
    const record = records.get(name)
    const cookie = link.cookie === undefined ? null : String(link.cookie)
    return [
      name,
      record ? compareLink(name, { target, cookie }, record) : { verdict: 'new' as const },
    ] as const
  })
  const byName = new Map(wanted.map(link => [link.name, link]))
  const old = new Map(pinned.map(link => [link.pin.name, link]))
  const planned = planLinks(wanted, pinned, new Map(verdicts), true)
  return planned.flatMap(({ name, action, program }): SucceedingLink[] => {
    const link = byName.get(name)
    if (!link || action === 'detach') return []
    const { place, spec, label } = link
    const before = old.get(name)
    return [{ place, program, action, spec, label, ...(before ? { old: before } : {}) }]
  })
}

function wouldLose(object: string, link: string, path: string): BpfError {
  return new BpfError(
    `rolling object '${object}' back would lose events: link '${link}' must go before the earlier program can be attached`,
    { code: 'ERR_GAP', path, hint: 'allow it with allowGap (--allow-gap)' },
  )
}

/** What lay outside and was swapped for something newer has another name since. */
function whereKept(pin: PinRecord): PinRecord {
  if (!isOutside(pin.file) || pin.shared) return pin
  const occupant = occupantOf(pin.file)
  const isThere = occupant?.kind === pin.kind && occupant.id === pin.id
  return isThere ? pin : { ...pin, file: keptPath(pin.file) }
}

function recordedSwitches({ manifest }: Generation): WantedSwitch[] {
  const { pins, links } = manifest
  const places = new Map(pins.flatMap(pin => (pin.kind === 'link' ? [[pin.name, pin] as const] : [])))
  return links.flatMap((record: LinkRecord): WantedSwitch[] => {
    const pin = places.get(record.name)
    const target = record.declared ?? record.target
    const spec = recordedOwner(manifest, record)
    if (!pin || !spec || !target) return []
    const { kind, name, file } = pin
    return [{ name, label: labelOf(record), place: { kind, name, file }, target, spec }]
  })
}

/** Maps and programs go back to the paths that they had. */
function returningPins(pins: readonly PinRecord[], { manifest }: Generation): ItemPin[] {
  const own = new Map(manifest.pins.flatMap(pin => (isOutside(pin.file) ? [[pin.file, pin]] : [])))
  return pins.flatMap((pin): ItemPin[] => {
    if (pin.kind === 'link') return []
    const occupied = own.get(pin.file)
    if (occupied?.shared || pin.shared) return [pin]
    if (occupied) return [{ ...pin, ...(occupied.id === pin.id ? { isThere: true as const } : {}) }]
    return [{ ...pin, ...sharing(pin, pin.id) }]
  })
}
