import type { Btf } from './btf.ts'
import { textAt } from './records.ts'

const underscore = 0x5f

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

function findFlavours(strings: Uint8Array): Map<string, string[]> {
  const flavours = new Map<string, string[]>()
  // three in a row cover every third byte
  for (let at = 2; at < strings.length; at += 3) {
    if (strings[at] !== underscore || !isSeparator(strings, at)) continue
    const start = strings.lastIndexOf(0, at) + 1
    const name = textAt(strings, start)
    at = strings.indexOf(0, at)
    const essential = essentialName(name)
    if (essential === name) continue
    const same = flavours.get(essential)
    if (same) same.push(name)
    else flavours.set(essential, [name])
  }
  return flavours
}

/** Three underscores around this one, and not a fourth. */
function isSeparator(strings: Uint8Array, at: number): boolean {
  let start = at
  let end = at + 1
  while (strings[start - 1] === underscore) start--
  while (strings[end] === underscore) end++
  return end - start === 3
}
