// Operations on an object whose maps stay and whose programs are replaced, and on links that leave a gap.
import koffi from 'koffi'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openPinned } from '../../src/index.ts'
import { listObject, Root, unpinObject } from '../../src/pin/index.ts'
import { namesBelow } from './kernel-state.ts'
import type { Operation } from './operation.ts'
import { removeCgroup, seenBy, steady, type Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const calls = 50
const otherThan = (version: Version): Version => (version === 1 ? 2 : 1)

type Links = readonly ('raw' | 'egress' | 'xdp')[]

function specWith(only: Links, version: Version): ObjectSpec {
  const spec = steady(root, version, { only, pid: process.pid })
  const interfaceOnly = { interface: 'lo' }
  // the modes are two links to the kernel, of which an interface has one
  spec.programs.get('on_xdp').target = version === 1 ? { ...interfaceOnly, mode: 'generic' } : interfaceOnly
  return spec
}

/** Of its two versions either must give up its XDP link before the other can have one. */
export function withGap(version: Version): ObjectSpec {
  return specWith(['xdp', 'egress'], version)
}

/** The object with some of its links, as it goes from one version to another. */
class Steady {
  readonly #links: Links
  readonly #isOutside: boolean
  version: Version | undefined
  /** Ids of the programs of the version that was there before. */
  #programs = new Set<number>()

  constructor(links: Links, isOutside: boolean) {
    this.#links = links
    this.#isOutside = isOutside
  }

  spec(version: Version): ObjectSpec {
    const spec = specWith(this.#links, version)
    if (this.#isOutside) for (const { name, link } of spec.programs) link.pinPath = `elsewhere/${name}`
    return spec
  }

  be(version: Version): void {
    if (this.version !== version) this.spec(version).upgrade({ allowGap: true }).close()
    this.version = version
  }

  remember(): void {
    using object = this.spec(this.version ?? 1).loadPinned()
    this.#programs = new Set([...object.programs].map(({ id }) => id))
  }

  /** The path shows one whole generation, and each link runs a program of one of the two. */
  mustBeWhole(text: string): void {
    using open = Root.find(root)
    const listed = open && listObject(open, 'steady')
    assert.ok(listed, text)
    // one that had to go before its successor is made is in no hook meanwhile, and is said to be missing
    const problems = listed.problems.filter(problem => !problem.includes('on_xdp'))
    assert.equal(problems, [], text)
    const links = this.#links.length
    assert.equal([listed.maps.length, listed.programs.length], [2, links], text)
    const known = new Set([...this.#programs, ...listed.programs.map(({ id }) => id)])
    for (const link of listed.links) {
      if (link.name === 'on_xdp' && link.programId === undefined) continue
      assert.ok(known.has(link.programId ?? 0), `${text}: link '${link.name}'`)
    }
    using reader = openPinned('steady', { root })
    assert.ok(reader.variables.get('seen').get(), text)
  }

  /** From now on only this version counts, each event once, and nothing is left of the other. */
  mustCountAlone(version: Version, text: string): void {
    this.version = version
    using object = this.spec(version).loadPinned()
    for (const link of object.links) {
      assert.ok(link.alive, `${text}: link '${link.name}'`)
      assert.is(link.info().progId, object.programs.get(link.program).id, `${text}: link '${link.name}'`)
    }
    assert.is(object.links.size, this.#links.length, text)
    const names = namesBelow(root)
    assert.not(
      names.some(name => name.includes('~next')),
      `${text}: ${names.join(' ')}`,
    )
    if (!this.#links.includes('raw')) return
    const before = seenBy(object, 'raw')
    for (let i = 0; i < calls; i++) process.ppid
    const counted = seenBy(object, 'raw').map((count, i) => count - before[i]!)
    assert.equal(counted, version === 1 ? [BigInt(calls), 0n] : [0n, BigInt(calls)], text)
  }

  end(): void {
    using open = Root.find(root)
    if (open) unpinObject(open, 'steady')
    this.version = undefined
    removeCgroup()
    assert.equal(namesBelow(root), [])
  }
}

function toAndFro(name: string, links: Links, isOutside = false): Operation {
  const pinned = new Steady(links, isOutside)
  let next: Version = 1
  return {
    name,
    forward: 'after the commit',
    prepare() {
      if (pinned.version === undefined) pinned.be(1)
      next = otherThan(pinned.version ?? 1)
      pinned.remember()
    },
    run({ begin, keep }) {
      begin()
      keep(pinned.spec(next).upgrade({ allowGap: true }))
    },
    mustBeWhole: text => pinned.mustBeWhole(text),
    finish(text) {
      pinned.spec(next).upgrade({ allowGap: true }).close()
      pinned.mustCountAlone(next, text)
    },
    end: () => pinned.end(),
  }
}

function back(name: string, links: Links): Operation {
  const pinned = new Steady(links, false)
  return {
    ...toAndFro(name, links),
    prepare() {
      pinned.be(1)
      pinned.spec(2).upgrade({ keepPrevious: true, allowGap: true }).close()
      pinned.version = 2
      pinned.remember()
    },
    run({ begin, keep }) {
      const object = keep(pinned.spec(2).loadPinned())
      begin()
      object.rollback({ allowGap: true })
    },
    mustBeWhole: text => pinned.mustBeWhole(text),
    finish(text) {
      pinned.spec(1).upgrade({ allowGap: true }).close()
      pinned.mustCountAlone(1, text)
    },
    end: () => pinned.end(),
  }
}

/** The links of its programs are switched, or attached beside the old ones. */
export const reusing: readonly Operation[] = [toAndFro('upgrade, reuse', ['raw', 'egress'])]

/** As above, with links outside of the object's directory, which keep their pins or are pinned beside them. */
export const outside: readonly Operation[] = [toAndFro('upgrade, outside', ['raw', 'egress'], true)]

/** The old link must go before the new one can be made. In a network namespace of its own: {@link leaveNetwork}. */
export const gaps: readonly Operation[] = [
  toAndFro('upgrade, gap', ['xdp', 'egress']),
  back('rollback, gap', ['xdp', 'egress']),
]

/** This thread goes to a network namespace that has nothing but `lo`. */
export function leaveNetwork(): void {
  const CLONE_NEWNET = 0x40000000
  const unshare = koffi.load(null).func('int unshare(int flags)')
  assert.is(unshare(CLONE_NEWNET), 0)
}
