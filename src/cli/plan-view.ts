import { actionOf, type Policy, verdictOf } from '../plan/policy.ts'
import type { Plan, PlannedMap, PlannedProgram, PlannedSwitch } from '../plan/upgrade.ts'
import { type ItemVerdict, type Reason, reasonText } from '../plan/verdict.ts'
import { differencesDocument } from './differences.ts'

/** What an upgrade would do, as `bpfpin plan` shows it: from what is pinned, or from two files. */
export interface PlanView
  extends Pick<Plan, 'object' | 'path' | 'verdict' | 'maps' | 'steps' | 'refused' | 'gaps'> {
  /** Not known where only files were compared. */
  readonly kind?: Plan['kind']
  readonly programs: readonly (Omit<PlannedProgram, 'action'> & Partial<Pick<PlannedProgram, 'action'>>)[]
  readonly links: readonly PlannedLink[]
}

/** A link of a plan; how it would be switched is known where it is pinned. */
export type PlannedLink = Pick<PlannedSwitch, 'kind' | 'name' | 'verdict' | 'reasons'> &
  Partial<Pick<PlannedSwitch, 'program' | 'action' | 'promise'>>

export interface ComparedFiles {
  /** The object's name. */
  readonly object: string
  /** The older file. */
  readonly path: string
  readonly items: readonly ItemVerdict[]
  readonly policy: Policy
}

/** What two files alone tell of an upgrade. */
export function filesView({ object, path, items, policy }: ComparedFiles): PlanView {
  const maps = items.flatMap((item): PlannedMap[] =>
    item.kind === 'map' ? [{ ...item, action: actionOf(item, policy) }] : [],
  )
  return {
    ...{ object, path, verdict: verdictOf(items), maps, steps: [], gaps: [] },
    programs: items.filter(item => item.kind === 'program'),
    links: items.filter(item => item.kind === 'link'),
    refused: maps.flatMap(({ action, ...verdict }) => (action === 'refuse' ? [verdict] : [])),
  }
}

/** Would the upgrade refuse? */
export function isRefused({ refused, gaps }: PlanView): boolean {
  return refused.length + gaps.length > 0
}

/** Reasons as a person reads them. */
export function reasonTexts({ reasons }: { readonly reasons: readonly Reason[] }): string[] {
  return reasons.map(reasonText)
}

/** The plan as `--json` prints it. */
export function planDocument({ object, path, verdict, maps, programs, links, steps }: PlanView): object {
  return {
    ...{ object, path, verdict },
    maps: maps.map(map => ({
      ...{ name: map.name, verdict: map.verdict, action: map.action, reasons: reasonTexts(map) },
      differences: differencesDocument(map.differences ?? {}),
    })),
    programs: programs.map(({ kind: _, ...program }) => program),
    links: links.map(({ kind: _, ...link }) => ({ ...link, reasons: reasonTexts(link) })),
    steps,
  }
}
