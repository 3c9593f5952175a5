import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { attachBeside, type BpfLink } from '../link/index.ts'
import { isOfMap, type Manifest, type PinRecord } from '../plan/manifest.ts'
import { nextSuffix } from '../plan/names.ts'
import { finishSteps, stagedPath } from '../plan/upgrade-steps.ts'
import { closedAfter, closeFd } from '../syscall/index.ts'
import { applySteps } from './apply.ts'
import { type Generation, keptPins } from './generation.ts'
import { idOf } from './identity.ts'
import { awaitLinks } from './links-gone.ts'
import { openPin } from './open.ts'
import { labelOf, linkRecord, recordedOwner } from './recorded.ts'
import { dropGeneration } from './recover.ts'
import { takeOut } from './registrations.ts'
import type { Root } from './root.ts'
import { recordedTakeover } from './takeover.ts'
import { getPlace } from './trusted-path.ts'
import { waitForPrograms } from './wait.ts'
import type { SuccessionTools } from './workshop.ts'

/** An upgrade that was stopped after its commit: both generations, locked. */
export interface Unfinished {
  readonly root: Root
  /** Name of the object's directory. */
  readonly directory: string
  readonly current: Generation
  /** In the staging directory. */
  readonly old: Generation
  readonly mode: number
}

/**
 * Does what a stopped upgrade had still to do, from what the two manifests say. A pin that somebody removed meanwhile does not keep
 * it from being finished: what could not be done without it a warning says (`BPFPIN_UNFINISHED`).
 */
export function finishUpgrade({ root, directory, current, old, mode }: Unfinished): void {
  const open: number[] = []
  const lost: string[] = []
  const links = new Map<string, BpfLink>()
  const opened = (generation: Generation, pin: PinRecord): number => {
    const fd = openPin(generation, pin)
    open.push(fd)
    return fd
  }
  const tools: SuccessionTools = {
    attach(name) {
      try {
        const link = attachRecorded(current.manifest, name, pin => opened(current, pin))
        links.set(name, link)
        return [link.fd, ...link.parts]
      } catch (error) {
        // its hook may have gone for good: then the object could not even be unpinned
        if (error instanceof BpfError) return undefined
        throw error
      }
    },
    sweep(map, snapshot) {
      const record = current.manifest.conversions?.find(one => one.map === map)
      const takeover = record && unlessGone(() => recordedTakeover(record, old, current, opened), lost)
      takeover?.sweep(snapshot)
    },
    awaitLinks,
    awaitPrograms: waitForPrograms,
    dropPrevious: name =>
      dropGeneration(root, name, [current, { manifest: old.manifest, beside: stagedPath }]),
    snapshotOf: beforeCommit,
    copy: beforeCommit,
  }
  takeOut(old, new Set(current.manifest.pins.map(({ id }) => id)))
  try {
    const { left } = applySteps(
      finishSteps({
        ...{ directory, old: old.manifest, new: current.manifest },
        kept: keptPins(root, current.manifest.name, old.manifest.pins),
      }),
      {
        root,
        mode,
        held: new Map([
          [`${directory}${nextSuffix}`, old.directory],
          [directory, current.directory],
        ]),
        descriptorOf(kind, name) {
          return unlessGone(() => opened(current, pinNamed(current.manifest, kind, name)))
        },
        oldOf(kind, name) {
          const pin = old.manifest.pins.find(one => one.kind === kind && one.name === name)
          return pin && { id: pin.id, fd: unlessGone(() => opened(old, pin)) }
        },
        manifest: () => withLinks(current, links),
        succession: tools,
      },
      { isCommitted: true },
    )
    warn(current.manifest.name, [...lost, ...left.map(({ path, why }) => `${path}: ${why}`)])
  } finally {
    for (const fd of open) closeFd(fd)
    closeAll(links.values())
  }
}

const gone: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['ERR_PIN_MISSING', 'ERR_PIN_REPLACED', 'ERR_PIN_KIND'],
])

/** `undefined` where what it opens was removed by somebody, or is something else by now; what that was is noted. */
function unlessGone<T>(open: () => T, noted: string[] = []): T | undefined {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof BpfError && gone.has(error.code))) throw error
    noted.push(error.message)
    return undefined
  }
}

function warn(object: string, problems: readonly string[]): void {
  if (problems.length === 0) return
  const text = `an upgrade of '${object}' that was stopped is finished, but pins had been removed: ${problems.join('; ')}`
  process.emitWarning(text, { code: 'BPFPIN_UNFINISHED' })
}

/** What a manifest says once the links are made that could not be made before the commit. */
function withLinks(generation: Generation, made: ReadonlyMap<string, BpfLink>): Manifest {
  const { manifest } = generation
  const cookies = new Map(manifest.links.map(({ name, cookie }) => [name, cookie]))
  const records = new Map(
    [...made.values()].map(link => {
      const cookie = cookies.get(link.name)
      return [link.name, linkRecord(link, cookie ? BigInt(cookie) : undefined)] as const
    }),
  )
  return {
    ...manifest,
    pins: manifest.pins.map(pin => {
      if (pin.kind !== 'link' || pin.id !== 0) return pin
      return { ...pin, id: made.get(pin.name)?.id ?? pinnedLinkId(generation, pin) }
    }),
    links: manifest.links.map(link => records.get(link.name) ?? link),
  }
}

/** Of a link that was made before the process that made it was stopped; 0 where it was not. */
function pinnedLinkId({ directory }: Generation, pin: PinRecord): number {
  const fd = getPlace(pin, directory)
  return fd < 0 ? 0 : closedAfter(fd, () => idOf(fd, 'link') ?? 0)
}

function beforeCommit(): never {
  throw new Error('what is left of an upgrade builds nothing')
}

function pinNamed({ pins, name: object }: Manifest, kind: PinRecord['kind'], name: string): PinRecord {
  const pin = pins.find(one => one.kind === kind && one.name === name)
  if (pin) return pin
  throw new BpfError(`finishing the upgrade of '${object}': ${kind} '${name}' is not pinned`, {
    code: 'ERR_PIN_MISSING',
  })
}

function attachRecorded(manifest: Manifest, name: string, openPinned: (pin: PinRecord) => number): BpfLink {
  const record = manifest.links.find(link => link.name === name)
  const spec = record && recordedOwner(manifest, record)
  if (!spec) {
    throw new BpfError(`link '${name}': the manifest does not say how to attach it`, {
      code: 'ERR_NO_TARGET',
    })
  }
  const fd = openPinned(pinNamed(manifest, isOfMap(record) ? 'map' : 'program', spec.name))
  const maps = new Map(
    manifest.pins
      .filter(({ kind }) => kind === 'map')
      .map(pin => [
        pin.name,
        {
          get fd() {
            return openPinned(pin)
          },
        },
      ]),
  )
  return attachBeside({ spec, fd, maps }, labelOf(record)).link
}
