// Processes that upgrade an object and are killed after a step of it, and what must hold then.
import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openPinned } from '../../src/index.ts'
import { listObject, Root } from '../../src/pin/index.ts'
import { bundled } from '../bundled.ts'
import { seenBy, steady, treeOf, type Version } from './steady.ts'

export const root: string = process.env.BPFPIN_TEST_ROOT ?? ''
const script = await bundled(new URL('./upgrade-killed.ts', import.meta.url))
export const calls = 50

export const otherThan = (version: Version): Version => (version === 1 ? 2 : 1)

/** An object with links of some kinds. */
export class Steady {
  readonly #only: readonly string[]

  constructor(...only: string[]) {
    this.#only = only
  }

  spec(version: Version): ObjectSpec {
    return steady(root, version, { only: this.#only, pid: process.pid })
  }

  /** Runs a process that is killed after a step; `false` if it came to its end. */
  killedAfter(what: string, version: Version, step: number): boolean {
    const args = [what, root, String(version), String(process.pid), this.#only.join(), String(step)]
    const child = spawnSync(process.execPath, [...script, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (child.signal !== 'SIGKILL') assert.is(child.status, 0)
    return child.signal === 'SIGKILL'
  }

  /** The path shows one whole generation, and each link runs a program of one of the two. */
  mustBeWhole(before: BpfObject, step: number): void {
    using open = Root.find(root)
    const listed = open && listObject(open, 'steady')
    assert.ok(listed)
    assert.equal(listed.problems, [], `step ${step}`)
    const links = this.#only.length
    const sizes = [listed.maps.length, listed.programs.length, listed.links.length]
    assert.equal(sizes, [2, links, links], `step ${step}`)
    const known = new Set([...before.programs, ...listed.programs].map(({ id }) => id))
    for (const link of listed.links)
      assert.ok(known.has(link.programId ?? 0), `step ${step}: link '${link.name}'`)
    using reader = openPinned('steady', { root })
    assert.ok(reader.variables.get('seen').get())
  }

  /** From then on only this version counts, each event once, and nothing is left of the other. */
  mustCountAlone(object: BpfObject, version: Version, step: number): void {
    const counted = this.#only.filter(kind => ['raw', 'btf', 'point'].includes(kind))
    const before = counted.map(kind => seenBy(object, kind))
    makeEvents()
    for (const [i, kind] of counted.entries()) {
      const [first, second] = seenBy(object, kind)
      const [oldFirst, oldSecond] = before[i]!
      const expected = version === 1 ? [BigInt(calls), 0n] : [0n, BigInt(calls)]
      assert.equal([first - oldFirst, second - oldSecond], expected, `step ${step}: ${kind}`)
    }
    const tree = treeOf(root)
    assert.not(
      tree.some(name => name.includes('~next')),
      `step ${step}: ${tree.join(' ')}`,
    )
  }
}

export function makeEvents(): void {
  for (let i = 0; i < calls; i++) process.ppid
}

/** How often both versions have seen the calls. */
export function countedBy(object: BpfObject): bigint {
  const [first, second] = seenBy(object, 'raw')
  return first + second
}
