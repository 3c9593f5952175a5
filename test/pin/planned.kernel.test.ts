import { lstatSync, readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { plan } from '../../src/cli/plan.ts'
import { type ObjectSpec, openObject, type Target, type UpgradeOptions } from '../../src/index.ts'
import { watchSteps } from '../../src/pin/index.ts'
import type { Step } from '../../src/plan/steps.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { removeCgroup, steady, type Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

/** Each kind of step that the tests here saw planned, with the names of its fields. */
const planned = new Set<string>()

/** What lies below the root: the number of each inode, by path; a name is moved with its inode. */
function found(): Map<string, number> {
  const paths = readdirSync(root, { recursive: true }) as string[]
  return new Map(paths.sort().map(path => [path, lstatSync(`${root}/${path}`).ino]))
}

/** Of what is made anew. */
const fresh = -1

/** What lies there after steps, as far as they say. */
function foretold(
  before: ReadonlyMap<string, number>,
  directory: string,
  steps: readonly Step[],
): Map<string, number> {
  const tree = new Map(before)
  if (steps.length > 0) tree.set(`${directory}~next`, fresh) // which the writer's lock makes
  const below = (path: string): string => (path.startsWith('/') ? path.slice(root.length + 1) : path)
  const made = (path: string): unknown => {
    assert.not(tree.has(below(path)), `${path} is made, and is there`)
    return tree.set(below(path), fresh)
  }
  const removed = (path: string): unknown =>
    assert.ok(tree.delete(below(path)), `${path} is removed, and is not there`)
  const inside = (path: string): [string, number][] =>
    [...tree].filter(([one]) => `${one}/`.startsWith(`${below(path)}/`))
  const renamed = (from: string, to: string): unknown => {
    const entries = inside(from)
    assert.ok(entries.length > 0, `${from} is renamed, and is not there`)
    for (const [path] of entries) tree.delete(path)
    for (const [path, inode] of entries) tree.set(`${below(to)}${path.slice(below(from).length)}`, inode)
    return entries
  }
  for (const step of steps) {
    if (step.do === 'pin' || step.do === 'unpin') {
      const path = `${step.directory}/${step.file}`
      step.do === 'pin' ? made(path) : removed(path)
    }
    if (step.do === 'make-directory' || step.do === 'write-manifest' || step.do === 'copy') made(step.path)
    if (step.do === 'attach') made(step.path)
    if (step.do === 'remove-directory') removed(step.path)
    if (step.do === 'publish' || step.do === 'move') renamed(step.from, step.to)
    // its pins outside, too, which lie there by such names
    if (step.do === 'drop-previous')
      for (const path of tree.keys()) if (/~prev(\/|$)/.test(path)) tree.delete(path)
    if (step.do === 'exchange' || step.do === 'swap') {
      renamed(step.from, 'aside')
      renamed(step.to, step.from)
      renamed('aside', step.to)
    }
  }
  return tree
}

/** The plan of an upgrade, held against the steps that it carries out, and against what then lies there. */
function upgradeAsPlanned(spec: ObjectSpec, options: UpgradeOptions = {}): readonly Step[] {
  const before = found()
  const { steps } = spec.plan(options)
  for (const { do: kind, ...fields } of steps) planned.add(`${kind}: ${Object.keys(fields).join(', ')}`)
  const done: Step[] = []
  watchSteps(step => done.push(step))
  try {
    spec.upgrade(options).close()
  } finally {
    watchSteps(undefined)
  }
  const after = found()
  const old = new Set(before.values())
  const seen = new Map(Array.from(after, ([path, inode]) => [path, old.has(inode) ? inode : fresh]))
  const lines = (tree: Map<string, number>): string[] => Array.from(tree, entry => entry.join(' ')).sort()
  assert.equal(lines(foretold(before, spec.name, steps)), lines(seen))
  assert.equal(steps.map(withoutNewIds), done.map(withoutNewIds))
  return steps
}

/** What is not there yet has no id that a plan could know. */
function withoutNewIds(step: Step): string {
  return JSON.stringify(step.do === 'swap' ? { ...step, id: fresh } : step)
}

/** A generation with a map outside, unless `pinPath` is `undefined`; in another one other programs are loaded. */
function generation(maxEntries: number, isLoaded: boolean, pinPath: string | undefined): ObjectSpec {
  const spec = openObject(fixture('functions'), { root })
  const numbers = spec.maps.get('numbers')
  numbers.pinPath = pinPath
  numbers.maxEntries = maxEntries
  for (const program of spec.programs) if (program.name === 'optional') program.autoload = isLoaded
  return spec
}

for (const pinPath of [undefined, 'far/away/numbers']) {
  for (const onMismatch of ['replace', 'convert'] as const) {
    for (const keepPrevious of [true, false]) {
      const how = `${onMismatch}, ${keepPrevious ? 'with' : 'without'} a way back`
      onKernel(`what is planned is done: a map at ${pinPath ?? 'its own place'}, ${how}`, () => {
        const options = { onMismatch, keepPrevious }
        upgradeAsPlanned(generation(8, false, pinPath))
        upgradeAsPlanned(generation(8, true, pinPath), { keepPrevious: true })
        upgradeAsPlanned(generation(16, true, pinPath), options)
        upgradeAsPlanned(generation(16, false, pinPath), options)
        // at another path it is another map
        upgradeAsPlanned(generation(16, false, 'other/numbers'), { keepPrevious, onMismatch: 'replace' })
        const last = generation(32, false, undefined)
        upgradeAsPlanned(last, { keepPrevious, onMismatch: 'replace' })
        assert.equal(upgradeAsPlanned(last, options), [])
        using object = last.loadPinned()
        object.unpin()
        assert.equal(readdirSync(root), [])
      })
    }
  }
}

onKernel('what is planned is done: a map that another object has pinned', () => {
  const named = (name: string, maxEntries: number): ObjectSpec => {
    const spec = openObject(fixture('functions'), { root, name })
    const numbers = spec.maps.get('numbers')
    numbers.pinPath = 'shared/numbers'
    numbers.maxEntries = maxEntries
    return spec
  }
  upgradeAsPlanned(named('first', 8))
  const [second, third] = [named('second', 8), named('third', 16)]
  assert.equal(actionsOf(second), ['numbers reuse', '.rodata create', '.bss create'])
  upgradeAsPlanned(second)
  assert.equal(actionsOf(third), ['numbers refuse', '.rodata create', '.bss create'])
  assert.equal(third.plan().steps, [])
  assert.is(failure(() => third.upgrade()).code, 'ERR_PIN_MISMATCH')
  // it had no such map before
  const [fourth, later, refused] = [named('fourth', 8), named('fourth', 8), named('fourth', 16)]
  fourth.maps.get('numbers').pinPath = null
  upgradeAsPlanned(fourth)
  assert.is(failure(() => refused.upgrade()).code, 'ERR_PIN_MISMATCH')
  assert.equal(
    refused.plan().refused.map(({ name }) => name),
    ['numbers'],
  )
  upgradeAsPlanned(later)
  assert.equal(upgradeAsPlanned(named('fourth', 8)), [])
  for (const spec of [later, second, named('first', 8)]) {
    using object = spec.loadPinned()
    object.unpin()
  }
  assert.equal(readdirSync(root), [])
})

function actionsOf(spec: ObjectSpec): string[] {
  return spec.plan().maps.map(({ name, action }) => `${name} ${action}`)
}

for (const isOutside of [false, true]) {
  onKernel(`what is planned is done: links pinned ${isOutside ? 'outside' : 'at their own places'}`, () => {
    const version = (number: Version): ObjectSpec => {
      const spec = steady(root, number, { only: ['raw', 'egress'], pid: process.pid })
      if (isOutside) for (const { name, link } of spec.programs) link.pinPath = `links/${name}`
      return spec
    }
    upgradeAsPlanned(version(1))
    upgradeAsPlanned(version(2))
    upgradeAsPlanned(version(1), { keepPrevious: true })
    const last = version(1)
    last.programs.get('on_raw').autoattach = false
    upgradeAsPlanned(last)
    using object = last.loadPinned()
    object.unpin()
    assert.equal(readdirSync(root), [])
  })
}

onKernel('what is planned is done: a link that must go before the other can be made', () => {
  const inMode = (target: Target): ObjectSpec => {
    const spec = steady(root, 1, { only: ['xdp'], pid: process.pid })
    spec.programs.get('on_xdp').target = target
    return spec
  }
  upgradeAsPlanned(inMode({ interface: 'lo', mode: 'generic' }))
  const last = inMode({ interface: 'lo' })
  upgradeAsPlanned(last, { allowGap: true })
  using object = last.loadPinned()
  object.unpin()
  assert.equal(readdirSync(root), [])
})

onKernel('the help of plan names each kind of step that was planned, with its fields, and no other', () => {
  const text = plan.details.replaceAll('\n', ' ')
  const described = Array.from(
    text.matchAll(/([a-z-]+(?:, [a-z-]+)*) \{([a-z, ]*)\}[;.]/g),
    ([, kinds, fields]) => kinds!.split(', ').map(kind => `${kind}: ${fields}`),
  )
  assert.equal([...planned].sort(), described.flat().sort())
})

test.after(removeCgroup)
test.run()
