import type { BpfMap } from './map.ts'

let turns = 0

/** The turn of a map that was just created: later ones have higher numbers, as in the kernel. */
export function nextTurn(): number {
  return ++turns
}

/**
 * Finds out the ids of maps with few calls. The kernel gives each new map the next number that is free (kernel/bpf/syscall.c:
 * bpf_map_alloc_id): where the first and the last of several that were made one after another have ids that are as far
 * apart as the two are in the row, nobody else got one in between, and the ids of the others follow.
 */
export function learnIds(maps: Iterable<BpfMap>): void {
  const made: BpfMap[] = []
  let areInOrder = true
  for (const map of maps) {
    if (map.unknownTurn === undefined) continue
    if (map.unknownTurn < (made.at(-1)?.unknownTurn ?? 0)) areInOrder = false
    made.push(map)
  }
  if (!areInOrder) made.sort((a, b) => (a.unknownTurn ?? 0) - (b.unknownTurn ?? 0))
  if (made.length > 2) learnBetween(made, 0, made.length - 1)
}

function learnBetween(made: readonly BpfMap[], first: number, last: number): void {
  if (last - first < 2) return
  const lowest = made[first]!.id
  if (made[last]!.id - lowest === last - first) {
    for (let i = first + 1; i < last; i++) made[i]!.learn(lowest + i - first)
    return
  }
  const middle = (first + last) >> 1
  learnBetween(made, first, middle)
  learnBetween(made, middle, last)
}
