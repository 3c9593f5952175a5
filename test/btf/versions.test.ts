import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Btf,
  type CopyOperation,
  compareLayouts,
  compileCopy,
  type TypeAt,
} from '../../src/btf/index.ts'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { type Leaf, leavesByBpftool, readLeaf } from './leaves.ts'

const names = Array.from({ length: 40 }, (_, i) => `v${i}`)

/** Both sides of every ordered pair of versions, as we and as bpftool see them. */
function* allPairs() {
  const object = fixture('btf-versions')
  const btf = openObject(object).spec.kernelBtf?.() as Btf
  const theirs = leavesByBpftool(object)
  const sideOf = (name: string) => {
    const { size, leaves } = theirs.get(name)!
    const type: TypeAt = { btf, id: btf.find(name, 'struct')!.id, size }
    return { name, size, leaves, type }
  }
  const sides = names.map(sideOf)
  for (const old of sides) for (const now of sides) yield { old, now }
}

const isSameNumber = (a: Leaf, b: Leaf): boolean =>
  a.bit === b.bit && a.bits === b.bits && a.kind === b.kind && a.signed === b.signed

const isSamePlace = (a: Leaf, b: Leaf): boolean => a.bit === b.bit && a.bits === b.bits

const overlaps = (a: Leaf, b: Leaf): boolean => a.bit < b.bit + b.bits && b.bit < a.bit + a.bits

/** How good a grade can be at best by the leaves alone: 0 is identical or compatible, 1 convertible, 2 lossy. */
function bestGrade(
  old: { readonly size: number; readonly leaves: readonly Leaf[] },
  now: { readonly size: number; readonly leaves: readonly Leaf[] },
): { readonly best: number; readonly isSame: boolean } {
  const news = new Map(now.leaves.map(leaf => [leaf.path, leaf]))
  const olds = new Map(old.leaves.map(leaf => [leaf.path, leaf]))
  const common = old.leaves.flatMap(leaf =>
    news.has(leaf.path) ? [[leaf, news.get(leaf.path)!] as const] : [],
  )
  const added = now.leaves.filter(({ path }) => !olds.has(path))
  const isSame =
    old.size === now.size &&
    added.length === 0 &&
    common.length === old.leaves.length &&
    common.every(([a, b]) => isSameNumber(a, b))
  const isNarrower = common.some(
    ([a, b]) => b.bits < a.bits && a.kind === 'int' && b.kind === 'int' && a.signed === b.signed,
  )
  if (common.length < old.leaves.length || isNarrower) return { best: 2, isSame }
  const isElsewhere = common.some(([a, b]) => !isSamePlace(a, b))
  const isNew = added.some(
    leaf => leaf.bit + leaf.bits > 8 * old.size || old.leaves.some(other => overlaps(leaf, other)),
  )
  return { best: old.size !== now.size || isElsewhere || isNew ? 1 : 0, isSame }
}

const ranks = { identical: 0, compatible: 0, convertible: 1, lossy: 2, incompatible: 3 }

needs(test, 'bpftool')('no two of forty versions get a better grade than their bytes allow', () => {
  let count = 0
  for (const { old, now } of allPairs()) {
    const { grade } = compareLayouts(old.type, now.type)
    const { best, isSame } = bestGrade(old, now)
    assert.ok(ranks[grade] >= best, `${old.name} -> ${now.name}: ${grade}`)
    if (isSame) assert.is(ranks[grade], 0, `${old.name} -> ${now.name}: ${grade}, and nothing differs`)
    if (old === now) assert.is(grade, 'identical')
    count++
  }
  assert.is(count, 1600)
})

needs(test, 'bpftool')('every side that a comparison names lies where bpftool has it', () => {
  for (const { old, now } of allPairs()) {
    for (const change of compareLayouts(old.type, now.type).changes) {
      for (const [side, { leaves }] of [
        [change.pinned, old],
        [change.wanted, now],
      ] as const) {
        const inside = leaves.find(({ path }) => path.replace(/\[\d+\]/g, '[]') === change.path)
        if (!side || !inside) continue
        assert.equal([side.bitOffset, side.bitSize], [inside.bit, inside.bits], `${now.name} ${change.path}`)
      }
    }
  }
})

/** Bytes that look like nothing and are the same in every run. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed + 1
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state >>> 16
  })
}

needs(test, 'bpftool')(
  'a converted value holds every number that has a name on both sides, and else nothing',
  () => {
    let count = 0
    for (const { old, now } of allPairs()) {
      const { conversion, grade, changes } = compareLayouts(old.type, now.type)
      assert.is(conversion === undefined, grade === 'incompatible')
      if (!conversion) continue
      const from = noise(old.size, count)
      const run = (operations: readonly CopyOperation[]): Uint8Array => {
        const to = new Uint8Array(now.size)
        compileCopy(operations)(from, 0, to, 0)
        return to
      }
      const olds = new Map(old.leaves.map(leaf => [leaf.path, leaf]))
      const reset = new Set(changes.filter(({ change }) => change === 'renamed').map(({ path }) => path))
      for (const to of [run(conversion.operations), run(conversion.pairs.map(({ copy }) => copy))]) {
        for (const leaf of now.leaves) {
          const source = olds.get(leaf.path)
          const value = source && !reset.has(leaf.path) ? readLeaf(from, source) : 0n
          const isBool = leaf.kind === 'bool' && source?.kind !== 'bool'
          const expected = isBool ? value & 1n : asNumber(value, leaf)
          assert.is(readLeaf(to, leaf), expected, `${old.name} -> ${now.name} ${leaf.path}`)
        }
      }
      count++
    }
    assert.ok(count > 400, `only ${count} pairs could be converted`)
  },
)

function asNumber(value: bigint, { bits, signed }: Leaf): bigint {
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
}

test.run()
