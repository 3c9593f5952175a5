import { readFileSync } from 'node:fs'
import type { Btf, BtfKind } from '../../src/btf/index.ts'

export interface Lookup {
  readonly kind: BtfKind
  readonly name: string
  /** Of a struct or union; `-` for none. */
  readonly member: string
}

/** The list that the peers read, too: `KIND NAME MEMBER` a line. */
export function readLookups(file: string): Lookup[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map(line => {
    const [kind = '', name = '', member = ''] = line.split(' ')
    // the list is ours, and a kind that does not exist is never found
    return { kind: kind as BtfKind, name, member }
  })
}

/** Finds all of them; the sum of their ids and of where members are, in bits. */
export function lookUp(btf: Btf, lookups: readonly Lookup[]): number {
  let sum = 0
  for (const { kind, name, member } of lookups) {
    const type = btf.find(name, kind)
    if (!type) throw new Error(`no ${kind} ${name}`)
    sum += type.id
    if (member === '-' || !('members' in type)) continue
    const found = type.members.find(each => each.name === member)
    if (!found) throw new Error(`no member ${member} of ${name}`)
    sum += found.bitOffset
  }
  return sum
}
