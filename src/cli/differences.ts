import type { FieldChange } from '../btf/index.ts'
import type { ItemVerdict, MapDifferences } from '../plan/verdict.ts'

/** The fields of both sides as the JSON documents show them: how they would be copied is nobody's business. */
export interface DifferencesDocument {
  readonly key?: readonly FieldChange[]
  readonly value?: readonly FieldChange[]
}

export function differencesDocument({ key, value }: MapDifferences): DifferencesDocument {
  return { ...(key ? { key: key.changes } : {}), ...(value ? { value: value.changes } : {}) }
}

/** A verdict as it stands in a JSON document. */
export function verdictDocument(item: ItemVerdict): object {
  if (item.kind !== 'map' || !item.differences) return item
  return { ...item, differences: differencesDocument(item.differences) }
}
