import { attachBeside, BpfLink } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import type { BpfProgram, BpfStructOps } from '../object/index.ts'
import { type PinKind, type Place, wholeOf } from '../plan/layout.ts'
import type { LinkAction } from '../plan/link-switch.ts'
import {
  isOfMap,
  type LinkRecord,
  type Manifest,
  type PinRecord,
  type ProgramRecord,
} from '../plan/manifest.ts'
import { nextSuffix } from '../plan/names.ts'
import type { MapAction } from '../plan/policy.ts'
import { buildSteps, finishSteps, stagedPath } from '../plan/upgrade-steps.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { Target } from '../spec/targets.ts'
import { closeFd } from '../syscall/index.ts'
import { applySteps } from './apply.ts'
import { formerPrograms } from './former.ts'
import { type Generation, keptPins } from './generation.ts'
import { inodesOf } from './inodes.ts'
import { partRecords } from './link-parts.ts'
import { awaitLinks } from './links-gone.ts'
import { openPin } from './open.ts'
import { type ItemPin, refuseUnpinnable, type Writer } from './pin.ts'
import { linkRecord } from './recorded.ts'
import { dropGeneration } from './recover.ts'
import { takeOut } from './registrations.ts'
import type { Carried, Takeover } from './takeover.ts'
import { waitForPrograms } from './wait.ts'
import type { Left, OldItem, SuccessionTools, Workshop } from './workshop.ts'

/** A link that a generation is to have. */
export interface SucceedingLink {
  readonly place: Place
  readonly program: string
  readonly action: Exclude<LinkAction, 'detach'>
  /** The program with the target that the link is to have. */
  readonly spec: LinkOwner
  readonly label: string | undefined
  /** Of the generation before, where there is one of the name. */
  readonly old?: { readonly pin: PinRecord; readonly record: LinkRecord }
}

/** Everything of a generation that is to take the place of another. */
export interface Successor {
  readonly name: string
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  /** Where the maps and programs are pinned; `shared` or `isThere` for those that are there already. */
  readonly pins: readonly ItemPin[]
  readonly links: readonly SucceedingLink[]
  readonly programRecords: readonly ProgramRecord[]
  readonly directories: readonly string[]
  readonly takeovers: readonly Takeover[]
  /** For the report. */
  readonly outcomes: readonly MapOutcome[]
  readonly previous?: 'keep' | 'drop' | undefined
  /** What its struct_ops maps register, by name, where there is an object; of others they hold it already. */
  readonly ops?: ReadonlyMap<string, BpfStructOps>
  readonly structOps?: Manifest['structOps']
  readonly btf: Uint8Array
  /** Lets go of what this process holds of the generation before, which would keep its programs attached. */
  onCommit?(): void
}

/** What became of a map; `restore`: it holds again what it held when it was converted, by a rollback. */
export interface MapOutcome {
  readonly name: string
  readonly action: Exclude<MapAction, 'refuse'> | 'restore'
}

/** What became of a link. */
export interface LinkOutcome {
  readonly name: string
  readonly action: LinkAction
}

/** What an upgrade came to, besides the new generation. */
export interface UpgradeReport {
  /** Counts up with every upgrade. */
  readonly generation: number
  readonly maps: readonly MapOutcome[]
  readonly links: readonly LinkOutcome[]
  /** Pins that were to be removed and were not, and why. */
  readonly left: readonly Left[]
  /** Names of links whose hook went while they were switched. */
  readonly dead: readonly string[]
  /** Names of links of the old programs that somebody else holds: these go on running. */
  readonly stillAttached: readonly string[]
  /** The maps that took over the entries of others. */
  readonly carried: readonly Carried[]
}

/**
 * Puts a generation in the place of another. A failure before the commit leaves everything as it was, and the new links
 * closed; after it the next writer finishes what is left.
 *
 * @param links is filled with the links of the new generation, which are the caller's to close, also when this throws
 */
export function succeed(
  successor: Successor,
  old: Generation,
  writer: Writer,
  links: Map<string, BpfLink>,
): UpgradeReport {
  const hand = new Hand(successor, old, writer, links)
  try {
    const { directory } = writer.site
    const next = `${directory}${nextSuffix}`
    const { lock, root, mode } = writer
    const current = lock.current
    if (current === undefined) throw new Error('an upgrade without a generation')
    const pins = successor.pins.map(({ isThere, ...pin }) =>
      isThere ? { ...pin, shared: true as const } : pin,
    )
    const build = buildSteps({
      ...{ directory, pins, outside: successor.directories, old: old.manifest.pins },
      links: successor.links.map(({ place, action }) => ({ ...place, action })),
      copies: successor.takeovers.map(({ record }) => record.map),
    })
    const before = new Map([
      [next, lock.next],
      [directory, current],
    ])
    const kept = keptPins(root, successor.name, old.manifest.pins)
    applySteps(build, { ...hand.workshop(), root, mode, held: before })
    successor.onCommit?.()
    takeOut(old, new Set(pins.map(({ id }) => id)))
    const after = new Map([
      [next, current],
      [directory, lock.next],
    ])
    // nothing that can fail is asked after the commit but by its steps
    const manifest = hand.written
    const finish = finishSteps({ directory, old: old.manifest, new: manifest, kept })
    const { left, dead, held } = applySteps(
      finish,
      { ...hand.workshop(), root, mode, held: after },
      { isCommitted: true },
    )
    const names = new Map(old.manifest.pins.map(({ id, name }) => [id, name]))
    const stillAttached = held.map(id => names.get(id) ?? String(id))
    const outcomes = { maps: successor.outcomes, links: linkOutcomes(successor, old) }
    const carried = successor.takeovers.map(takeover => takeover.report())
    return { generation: manifest.generation, ...outcomes, left, dead, stillAttached, carried }
  } finally {
    hand.close()
  }
}

function linkOutcomes({ links }: Successor, { manifest: { pins } }: Generation): LinkOutcome[] {
  const left = new Set(links.map(({ place }) => place.name))
  const gone = pins.filter(({ kind, name }) => kind === 'link' && !wholeOf(name) && !left.has(name))
  return [
    ...links.map(({ place: { name }, action }) => ({ name, action })),
    ...gone.map(({ name }) => ({ name, action: 'detach' as const })),
  ]
}

/** What carries the steps out: it holds what is open only meanwhile. */
class Hand {
  readonly #successor: Successor
  readonly #old: Generation
  readonly #writer: Writer
  readonly #links: Map<string, BpfLink>
  readonly #created = new Date().toISOString()
  /** Targets of links that are beside them. */
  readonly #declared = new Map<string, Target>()
  /** To be closed in the end. */
  readonly #open: number[] = []
  readonly #snapshots = new Map<string, number>()
  #written: Manifest | undefined

  constructor(successor: Successor, old: Generation, writer: Writer, links: Map<string, BpfLink>) {
    this.#successor = successor
    this.#old = old
    this.#writer = writer
    this.#links = links
  }

  workshop(): Pick<Workshop, 'descriptorOf' | 'oldOf' | 'manifest' | 'succession'> {
    return {
      descriptorOf: (kind, name) => this.#descriptorOf(kind, name),
      oldOf: (kind, name) => this.#oldOf(kind, name),
      manifest: () => {
        this.#written = this.#manifest()
        return this.#written
      },
      succession: this.#tools(),
    }
  }

  #tools(): SuccessionTools {
    const takeovers = new Map(this.#successor.takeovers.map(takeover => [takeover.record.map, takeover]))
    const takeoverOf = (map: string): Takeover => required(takeovers.get(map), `takeover of map '${map}'`)
    return {
      attach: name => this.#attach(name),
      snapshotOf: map => {
        const fd = this.#held(takeoverOf(map).snapshot())
        this.#snapshots.set(map, fd)
        return fd
      },
      copy: map => takeoverOf(map).copy(required(this.#snapshots.get(map), `snapshot of map '${map}'`)),
      sweep: (map, snapshot) => takeoverOf(map).sweep(snapshot),
      awaitLinks,
      awaitPrograms: waitForPrograms,
      dropPrevious: name => this.#dropPrevious(name),
    }
  }

  #dropPrevious(name: string): void {
    const { manifest } = this.#old
    dropGeneration(this.#writer.root, name, [{ manifest: this.written }, { manifest, beside: stagedPath }])
  }

  /** What the new generation says of itself. */
  get written(): Manifest {
    return required(this.#written, 'manifest')
  }

  /** As far as its links are attached yet. */
  #manifest(): Manifest {
    const { name, pins, links, programRecords, directories, takeovers, previous, structOps, btf } =
      this.#successor
    const inherited = this.#old.manifest.directories ?? []
    const all = [...new Set([...inherited, ...directories])]
    const records: PinRecord[] = [
      ...pins.map(({ isThere: _, ...pin }) => pin),
      ...links.flatMap(({ place, action }) => {
        // one outside that goes on keeps its pin, and no step has opened it
        const isKept = action === 'update' || action === 'keep'
        const link = isKept ? this.#keptLink(place.name) : this.#links.get(place.name)
        return [{ ...place, id: link?.id ?? 0 }, ...(link ? partRecords(link, place) : [])]
      }),
    ]
    return {
      generation: this.#old.manifest.generation + 1,
      name,
      created: this.#created,
      pins: records,
      inodes: inodesOf(this.#writer.lock.next, records),
      links: links.map(link => this.#linkRecord(link)),
      programs: programRecords,
      ...(all.length > 0 ? { directories: all } : {}),
      ...(structOps ? { structOps } : {}),
      ...(takeovers.length > 0 ? { conversions: takeovers.map(({ record }) => record) } : {}),
      former: formerPrograms(this.#old.manifest),
      ...(previous ? { previous } : {}),
      btf,
    }
  }

  #linkRecord({ place, spec, label, action, old, program }: SucceedingLink): LinkRecord {
    const link = this.#links.get(place.name)
    if (old && (action === 'update' || action === 'keep')) return { ...old.record, program }
    if (link) {
      const declared = this.#declared.get(place.name)
      return { ...linkRecord(link, spec.link.cookie), ...(declared ? { declared } : {}) }
    }
    const { cookie } = spec.link
    return {
      ...{
        name: place.name,
        program,
        type: old?.record.type ?? '',
        attachType: old?.record.attachType ?? null,
      },
      target: targetOf(spec, label) ?? old?.record.target ?? null,
      cookie: cookie === undefined ? null : String(cookie),
      mode: null,
    }
  }

  #descriptorOf(kind: PinKind, name: string): number {
    if (kind === 'map') return required(this.#successor.maps.get(name), `map '${name}'`).fd
    if (kind === 'program') return required(this.#successor.programs.get(name), `program '${name}'`).fd
    return this.#keptLink(name).fd
  }

  #keptLink(name: string): BpfLink {
    const present = this.#links.get(name)
    if (present) return present
    const { old } = this.#linkNamed(name)
    const { pin, record } = required(old, `link '${name}' to be kept`)
    const { program, target } = record
    const link = new BpfLink({ fd: openPin(this.#old, pin), name, program, target: target ?? undefined })
    this.#links.set(name, link)
    return link
  }

  #attach(name: string): readonly number[] {
    const { place, program, spec, label } = this.#linkNamed(name)
    const ops = this.#successor.ops?.get(program)
    const { link, declared } =
      ops && isOfMap(spec) ? { link: ops.attach() } : this.#attachBeside(spec, program, label)
    this.#links.set(name, link)
    if (declared) this.#declared.set(name, declared)
    refuseUnpinnable(link)
    partRecords(link, place)
    return [link.fd, ...link.parts]
  }

  #attachBeside(spec: LinkOwner, name: string, label: string | undefined): ReturnType<typeof attachBeside> {
    const fd = this.#descriptorOf(isOfMap(spec) ? 'map' : 'program', name)
    return attachBeside({ spec, fd, maps: this.#successor.maps }, label)
  }

  #linkNamed(name: string): SucceedingLink {
    return required(
      this.#successor.links.find(({ place }) => place.name === name),
      `link '${name}'`,
    )
  }

  #oldOf(kind: PinKind, name: string): OldItem | undefined {
    const pin = this.#old.manifest.pins.find(one => one.kind === kind && one.name === name)
    return pin && { id: pin.id, fd: this.#held(openPin(this.#old, pin)) }
  }

  #held(fd: number): number {
    this.#open.push(fd)
    return fd
  }

  close(): void {
    for (const fd of this.#open) closeFd(fd)
  }
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the plan has ${what}, which is not there`)
  return value
}

function targetOf({ target, targets }: LinkOwner, label: string | undefined): Target | undefined {
  return label === undefined ? target : targets[label]
}
