import type { LinkOwner } from '../spec/link-owner.ts'
import { familyOf, needsBtfTarget } from '../spec/sections.ts'
import type { Target } from '../spec/targets.ts'
import type { Place } from './layout.ts'
import { familySwitch, type LinkAction, opsSwitch, promises, socketPromise } from './link-switch.ts'
import type { LinkRecord, PinRecord, ProgramRecord } from './manifest.ts'
import type { MapAction } from './policy.ts'
import type { Step } from './steps.ts'
import type { ItemVerdict, MapVerdict, ProgramVerdict, Reason, Verdict } from './verdict.ts'

/** A map in a plan: how what is pinned fits, and what becomes of it. */
export interface PlannedMap extends MapVerdict {
  readonly action: MapAction
}

/** A program in a plan. Code has no state: where any of it changed, all of an object's programs are loaded anew. */
export interface PlannedProgram extends ProgramVerdict {
  readonly action: 'keep' | 'load' | 'drop'
}

/** A link in a plan. */
export interface PlannedSwitch {
  readonly kind: 'link'
  readonly name: string
  readonly program: string
  /** `dead`: what it was attached to is gone. */
  readonly verdict: 'new' | 'identical' | 'changed' | 'gone' | 'dead'
  readonly action: LinkAction
  /** What happens to events meanwhile, in words. */
  readonly promise: string
  readonly reasons: readonly Reason[]
}

/** What a call would do, or does. */
export interface Plan {
  readonly object: string
  /** Of its pins. */
  readonly path: string
  /** The worst of its maps'; `new` where nothing is pinned. */
  readonly verdict: Exclude<Verdict, 'gone'>
  /**
   * `install`: nothing is pinned. `find`: what is pinned is this object, and nothing changes. `relink`: its maps and
   * programs stay, some links do not. `upgrade`: its programs are loaded, and a new generation takes the place of the old.
   */
  readonly kind: 'install' | 'find' | 'relink' | 'upgrade'
  readonly maps: readonly PlannedMap[]
  readonly programs: readonly PlannedProgram[]
  readonly links: readonly PlannedSwitch[]
  /** Empty where nothing would be changed, or maps do not fit. */
  readonly steps: readonly Step[]
  /** Why it is refused: maps that do not fit and may not be converted. Empty where it is not. */
  readonly refused: readonly ItemVerdict[]
  /** Links that cannot be switched without losing events, where that was not allowed. */
  readonly gaps: readonly string[]
}

/** The verdicts for which a plan is refused. */
export function refusedOf(maps: readonly PlannedMap[]): MapVerdict[] {
  return maps.flatMap(({ action, ...verdict }) => (action === 'refuse' ? [verdict] : []))
}

/** A link that the object asks for. */
export interface WantedSwitch {
  readonly name: string
  readonly label: string | undefined
  readonly place: Place
  /** With the target that the link is to have. */
  readonly spec: LinkOwner
  readonly target: Target
}

/** A link that is pinned. */
export interface PinnedSwitch {
  readonly pin: PinRecord
  readonly record: LinkRecord
  readonly program: ProgramRecord | undefined
  readonly isAlive: boolean
  /** Is it several links of the kernel? */
  readonly hasParts: boolean
}

/**
 * What becomes of each link.
 *
 * @param isReloaded do the links get new programs, or go on with those that they have?
 */
export function planLinks(
  wanted: readonly WantedSwitch[],
  pinned: readonly PinnedSwitch[],
  verdicts: ReadonlyMap<
    string,
    { readonly verdict: PlannedSwitch['verdict']; readonly reasons?: readonly Reason[] }
  >,
  isReloaded: boolean,
): PlannedSwitch[] {
  const left = new Map(pinned.map(link => [link.pin.name, link]))
  const planned = wanted.map(link => {
    const old = left.get(link.name)
    left.delete(link.name)
    const { verdict = 'new', reasons = [] } = verdicts.get(link.name) ?? {}
    const action = actionOn(link, old, verdict === 'identical', isReloaded)
    return plannedSwitch(
      link.name,
      link.spec.name,
      old?.isAlive === false ? 'dead' : verdict,
      action,
      reasons,
      action === 'update' && familyOf(link.spec) === 'sockmap' ? socketPromise : promises[action],
    )
  })
  const gone = [...left.values()].map(({ record: { name, program } }) =>
    plannedSwitch(name, program, 'gone', 'detach', []),
  )
  return [...planned, ...gone]
}

function plannedSwitch(
  name: string,
  program: string,
  verdict: PlannedSwitch['verdict'],
  action: LinkAction,
  reasons: readonly Reason[],
  promise: string = promises[action],
): PlannedSwitch {
  return { kind: 'link', name, program, verdict, action, promise, reasons }
}

function actionOn(
  wanted: WantedSwitch,
  old: PinnedSwitch | undefined,
  isSamePlace: boolean,
  isReloaded: boolean,
): Exclude<LinkAction, 'detach'> {
  if (!old?.isAlive) return 'attach'
  const family = familyOf(wanted.spec)
  if (!family) return 'attach'
  if (!isSamePlace) return isOneOnly(wanted.target, old.record.target) ? 'gap' : 'overlap'
  if (!isReloaded) return 'keep'
  const by = family === 'struct_ops' ? opsSwitch(wanted.target) : familySwitch[family]
  return by === 'update' && !isSameHook(wanted.spec, old.program) ? 'overlap' : by
}

/** An interface has one XDP program: in another mode it is another place, and the same. */
function isOneOnly(wanted: Target, old: Target | null): boolean {
  return old !== null && 'interface' in wanted && 'interface' in old && wanted.interface === old.interface
}

/** The kernel does not check all of it: a link to a cgroup's egress takes a program that was loaded for its ingress. */
function isSameHook(spec: LinkOwner, old: ProgramRecord | undefined): boolean {
  if (!old?.type) return true // written before these were: the kernel's own check must do
  const isSame = old.type === spec.type && (old.attachType ?? undefined) === spec.attachType
  const hook = (section: string): string => section.slice(section.indexOf('/') + 1)
  const isByName = needsBtfTarget(spec) || familyOf(spec) === 'iter'
  return isSame && (!isByName || old.section === undefined || hook(old.section) === hook(spec.section))
}

/**
 * The same, where links that are several links of the kernel are not taken over as they are into a generation: they are made
 * anew beside the old ones. (Kernels that need that are of before Linux 6.6.)
 */
export function withoutKeptParts(
  planned: readonly PlannedSwitch[],
  pinned: readonly PinnedSwitch[],
): PlannedSwitch[] {
  const parted = new Set(pinned.filter(({ hasParts }) => hasParts).map(({ pin }) => pin.name))
  return planned.map(link =>
    link.action === 'keep' && parted.has(link.name)
      ? { ...link, action: 'overlap', promise: promises.overlap }
      : link,
  )
}
