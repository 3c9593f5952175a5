import type { Btf } from './btf.ts'
import { textAt } from './records.ts'

/**
 * The name that CO-RE compares: `task_struct` of `task_struct___old`. What follows the last three underscores (neither
 * more of them, nor at an end) is a *flavour*, by which one program has several versions of a kernel's type.
 */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) {
    if (name[i] !== '_' && name.startsWith('___', i + 1) && name[i + 4] !== '_') return name.slice(0, i + 1)
  }
  return name
}

const known = /* @__PURE__ */ new WeakMap<Btf, ReadonlyMap<string, readonly string[]>>()

/** The names in a blob that have a flavour, by what they are without it. Found once a blob, by one look at its strings. */
export function flavoursIn(btf: Btf): ReadonlyMap<string, readonly string[]> {
  let flavours = known.get(btf)
  if (!flavours) known.set(btf, (flavours = findFlavours(btf.records.strings())))
  return flavours
}

function findFlavours(strings: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const flavours = new Map<string, Set<string>>()
  // one letter a byte; a search of text is many times faster than a loop over bytes
  const text = new TextDecoder('latin1').decode(strings)
  let end = 0
  for (const { index } of text.matchAll(/[^\0_]___[^\0_]/g)) {
    // one name may have many such places
    if (index < end) continue
    const start = text.lastIndexOf('\0', index) + 1
    end = text.indexOf('\0', index)
    const name = textAt(strings, start)
    const essential = essentialName(name)
    if (essential === name) continue
    const same = flavours.get(essential)
    if (same) same.add(name)
    else flavours.set(essential, new Set([name]))
  }
  return new Map(Array.from(flavours, ([essential, names]) => [essential, [...names]]))
}
