import { BtfError } from '../errors.ts'
import type { Records } from './records.ts'
import type { TypeId } from './types.ts'

/**
 * Refuses types that never end: a struct that holds itself, an array of itself, a pointer or a modifier that leads
 * back to itself. A struct may of course point to itself. All types must have passed {@link checkType}.
 *
 * The kernel walks the same two graphs (kernel/bpf/btf.c, RESOLVE_STRUCT_OR_ARRAY and RESOLVE_PTR), but to a depth of
 * 32 only; here a long way is fine and only a circle is refused.
 *
 * @throws BtfError at the first type of a circle.
 */
export function checkCycles(records: Records): void {
  walk(records, heldTypes)
  walk(records, pointedTypes)
}

/** The nth type that `id` leads to, or -1 behind the last. */
type Follow = (records: Records, id: TypeId, n: number) => TypeId

const heldTypes: Follow = (records, id, n) => {
  switch (records.kind(id)) {
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'var':
      return n === 0 ? records.sizeOrType(id) : -1
    case 'array':
      return n === 0 ? records.word(id, 3) : -1
    case 'struct':
    case 'union':
      return n < records.vlen(id) ? records.word(id, 4 + 3 * n) : -1
    default:
      return -1
  }
}

const pointedTypes: Follow = (records, id, n) => {
  if (n > 0) return -1
  switch (records.kind(id)) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return records.sizeOrType(id)
    default:
      return -1
  }
}

const unseen = 0
const open = 1
const done = 2

/** Depth first, with a stack of its own: the depth is whatever the blob says. */
function walk(records: Records, follow: Follow): void {
  const state = new Uint8Array(records.count + 1)
  state[0] = done
  const stack: { readonly id: TypeId; next: number }[] = []
  for (let start = records.first; start <= records.count; start++) {
    if (state[start] !== unseen) continue
    state[start] = open
    stack.push({ id: start, next: 0 })
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const target = follow(records, top.id, top.next++)
      if (target < 0) {
        state[top.id] = done
        stack.pop()
      } else if (state[target] === open) {
        throw new BtfError(records.place(target), `is part of itself, through type ${top.id}`)
      } else if (state[target] === unseen) {
        state[target] = open
        stack.push({ id: target, next: 0 })
      }
    }
  }
}
