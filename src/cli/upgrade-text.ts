import type { LinkOutcome, MapOutcome, UpgradeReport } from '../pin/index.ts'

const mapTexts: Readonly<Record<MapOutcome['action'], string | undefined>> = {
  reuse: undefined,
  create: undefined,
  convert: 'converted',
  replace: 'replaced by an empty one',
  drop: 'gone',
  restore: 'as it was before',
}

const linkTexts: Readonly<Record<LinkOutcome['action'], string | undefined>> = {
  keep: undefined,
  update: 'switched in place',
  overlap: 'switched with an overlap',
  gap: 'switched with a gap',
  attach: 'attached',
  detach: 'detached',
}

/** What an upgrade or a rollback came to, in one line: `generation 2; converted: flows (7 entries); switched in place: on_xdp`. */
export function upgradeText({ generation, maps: all, links, carried }: UpgradeReport): string {
  const entries = new Map(carried.map(({ map, entries }) => [map, entries]))
  const maps = all.map(({ name, action }) => {
    const count = entries.get(name)
    return {
      name: count === undefined ? name : `${name} (${count} entr${count === 1 ? 'y' : 'ies'})`,
      action,
    }
  })
  return [`generation ${generation}`, ...outcomes(maps, mapTexts), ...outcomes(links, linkTexts)].join('; ')
}

function outcomes<Action extends string>(
  items: readonly { readonly name: string; readonly action: Action }[],
  texts: Readonly<Record<Action, string | undefined>>,
): string[] {
  const named = new Map<string, string[]>()
  for (const { name, action } of items) {
    const text = texts[action]
    if (text !== undefined) named.set(text, [...(named.get(text) ?? []), name])
  }
  return Array.from(named, ([text, names]) => `${text}: ${names.join(', ')}`)
}

/** What of it is not as one would wish. */
export function upgradeNotes({ left, dead, stillAttached, carried }: UpgradeReport): string[] {
  const lost = carried.filter(({ failed }) => failed > 0)
  return [
    ...lost.map(
      ({ map, failed }) => `map '${map}' was full: ${failed} of the entries that came meanwhile had no room`,
    ),
    ...left.map(({ path, why }) => `left ${path}: ${why}`),
    ...dead.map(link => `link '${link}' is dead: what it was attached to went while it was switched`),
    ...stillAttached.map(
      link => `link '${link}' of the old version is still attached: another process holds it`,
    ),
  ]
}
