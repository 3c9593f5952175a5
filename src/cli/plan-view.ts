import { actionOf, type MapAction, type Policy, verdictOf } from '../plan/policy.ts'
import { type ItemVerdict, type MapVerdict, reasonText, type Verdict } from '../plan/verdict.ts'
import { differencesDocument } from './differences.ts'

/** What an upgrade would do, as `bpfpin plan` shows it: from two files, or from what is pinned. */
export interface PlanView {
  /** The object's name. */
  readonly object: string
  /** What it is compared with: a file, or the directory of the pins. */
  readonly path: string
  readonly items: readonly ItemVerdict[]
  readonly policy: Policy
  /** What would be done, one by one; empty where only files were compared. */
  readonly steps: readonly object[]
}

/** One map of a plan. */
export interface PlannedMap {
  readonly map: MapVerdict
  readonly action: MapAction
}

export function mapsOf({ items, policy }: PlanView): PlannedMap[] {
  return items.flatMap(item => (item.kind === 'map' ? [{ map: item, action: actionOf(item, policy) }] : []))
}

/** Would the upgrade refuse? */
export function isRefused(plan: PlanView): boolean {
  return mapsOf(plan).some(({ action }) => action === 'refuse')
}

/** The verdict on the whole object. */
export function planVerdict({ items }: PlanView): Verdict {
  return verdictOf(items)
}

/** Reasons as a person reads them; a program has none. */
export function reasonsOf(item: ItemVerdict): string[] {
  return item.kind === 'program' ? [] : item.reasons.map(reasonText)
}

/** The plan as `--json` prints it. */
export function planDocument(plan: PlanView): object {
  const others = (kind: 'program' | 'link'): object[] =>
    plan.items.flatMap(item => {
      const { name, verdict } = item
      if (item.kind !== kind) return []
      return item.kind === 'link' ? [{ name, verdict, reasons: reasonsOf(item) }] : [{ name, verdict }]
    })
  return {
    object: plan.object,
    path: plan.path,
    verdict: planVerdict(plan),
    maps: mapsOf(plan).map(({ map, action }) => ({
      ...{ name: map.name, verdict: map.verdict, action, reasons: reasonsOf(map) },
      differences: differencesDocument(map.differences ?? {}),
    })),
    programs: others('program'),
    links: others('link'),
    steps: plan.steps,
  }
}
