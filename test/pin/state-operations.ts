// Operations on an object whose maps are converted, with events that are counted meanwhile: none is lost, none counted twice.
import * as assert from 'uvu/assert'
import type { UpgradeOptions } from '../../src/index.ts'
import { listObject, Root, unpinObject } from '../../src/pin/index.ts'
import { WriterLock } from '../../src/pin/lock.ts'
import { dies, type Moment } from './dying.ts'
import { namesBelow } from './kernel-state.ts'
import type { Operation } from './operation.ts'
import { Counted, root } from './state-killing.ts'
import type { Version } from './steady.ts'

const otherThan = (version: Version): Version => (version === 1 ? 2 : 1)

/** Its own state begins with the first use, as what it needs is made then. */
class Counting {
  #counted: Counted | undefined
  /** Which version is pinned when all is finished. */
  version: Version | undefined

  get counted(): Counted {
    this.#counted ??= new Counted()
    return this.#counted
  }

  /** Nothing is lost, so there is nothing to do where that version is there already. */
  be(version: Version): void {
    const { counted } = this
    if (this.version === undefined) counted.install(version)
    else if (this.version !== version) counted.upgrade(version).close()
    this.version = version
  }

  unpin(): void {
    using open = Root.find(root)
    const report = open && unpinObject(open, 'state')
    assert.equal([report?.left ?? [], report?.stillAttached ?? []], [[], []])
    assert.equal(namesBelow(root), [])
    this.version = undefined
  }

  end(): void {
    this.unpin()
    this.#counted?.close()
  }
}

/** From one version to the other and back, each time one is stopped. */
function backAndForth(name: string, { keepPrevious = false }: UpgradeOptions = {}): Operation {
  const counting = new Counting()
  let next: Version = 1
  return {
    name,
    forward: 'after the commit',
    prepare() {
      const { version } = counting
      if (version === undefined) counting.be(1)
      next = otherThan(counting.version ?? 1)
      counting.counted.makeEvents(5)
    },
    run({ begin, keep }) {
      begin()
      keep(counting.counted.upgrade(next, { keepPrevious }))
    },
    mustBeWhole(text) {
      counting.counted.makeEvents(2)
      counting.counted.mustBeWhole(text)
    },
    finish(text) {
      const { counted } = counting
      counted.upgrade(next, { keepPrevious }).close()
      counting.version = next
      counted.mustBeIntact(next, text)
      if (!keepPrevious) return counted.mustBeAlone(next, text)
      using open = Root.find(root)
      const listed = open && listObject(open, 'state')
      assert.is(listed?.previous?.generation, listed && listed.generation - 1, text)
    },
    end: () => counting.end(),
  }
}

/** The next call is another one. */
function thenBack(name: string): Operation {
  const counting = new Counting()
  return {
    name,
    forward: 'after the commit',
    prepare() {
      counting.be(1)
      counting.counted.makeEvents(5)
    },
    run({ begin, keep }) {
      begin()
      keep(counting.counted.upgrade(2))
    },
    mustBeWhole(text) {
      counting.counted.makeEvents(2)
      counting.counted.mustBeWhole(text)
    },
    finish(text) {
      const { counted } = counting
      counted.upgrade(1).close()
      counting.version = 1
      counted.mustBeIntact(1, text)
      counted.mustBeAlone(1, text)
    },
    end: () => counting.end(),
  }
}

function thenUnpinned(name: string): Operation {
  const counting = new Counting()
  return {
    ...thenBack(name),
    prepare: () => counting.be(1),
    run({ begin, keep }) {
      begin()
      keep(counting.counted.upgrade(2))
    },
    mustBeWhole: text => counting.counted.mustBeWhole(text),
    finish: () => counting.unpin(),
    end: () => counting.end(),
  }
}

/** Maps that do not fit start empty. */
function replacing(name: string): Operation {
  const counting = new Counting()
  let next: Version = 1
  return {
    ...backAndForth(name),
    prepare() {
      if (counting.version === undefined) counting.be(1)
      next = otherThan(counting.version ?? 1)
    },
    run({ begin, keep }) {
      begin()
      keep(counting.counted.upgrade(next, { onMismatch: 'replace' }))
    },
    mustBeWhole: text => counting.counted.mustBeListed(text),
    finish(text) {
      counting.counted.upgrade(next, { onMismatch: 'replace' }).close()
      counting.version = next
      counting.counted.mustRun(next, text)
      counting.counted.mustBeAlone(next, text)
    },
    end: () => counting.end(),
  }
}

/** What was converted comes back as it was at the switch. */
function rollingBack(name: string, { keepPrevious = false }: UpgradeOptions = {}): Operation {
  const counting = new Counting()
  return {
    ...backAndForth(name),
    prepare() {
      counting.be(1)
      counting.counted.upgrade(2, { keepPrevious: true }).close()
      counting.version = 2
    },
    run({ begin, keep }) {
      const object = keep(counting.counted.spec(2).loadPinned())
      begin()
      object.rollback({ keepPrevious })
    },
    mustBeWhole: text => counting.counted.mustBeListed(text),
    finish(text) {
      counting.counted.upgrade(1).close()
      counting.version = 1
      counting.counted.mustRun(1, text)
      assert.not(
        namesBelow(root).some(name => /~(next|draft|switch)/.test(name)),
        `${text}: ${namesBelow(root).join(' ')}`,
      )
    },
    end: () => counting.end(),
  }
}

/** Finishes or clears away what is left of an upgrade that died. */
function recovering(name: string, moment: Moment): Operation {
  const counting = new Counting()
  let next: Version = 1
  return {
    ...backAndForth(name),
    forward: 'always',
    prepare() {
      const { counted } = counting
      if (counting.version === undefined) counting.be(1)
      next = otherThan(counting.version ?? 1)
      counted.makeEvents(3)
      const died = dies(moment, ({ begin }) => {
        begin()
        counted.upgrade(next)
      })
      assert.ok(died, `${name}: the upgrade came to its end`)
      counted.makeEvents(2)
    },
    run({ begin }) {
      using open = Root.open(root, 0o700)
      begin()
      WriterLock.take(open, 'state', { mode: 0o700, waitMs: 0 }).release()
    },
    mustBeWhole: text => counting.counted.mustBeWhole(text),
    finish(text) {
      const { counted } = counting
      counted.upgrade(next).close()
      counting.version = next
      counted.mustBeIntact(next, text)
      counted.mustBeAlone(next, text)
    },
    end: () => counting.end(),
  }
}

export const upgrades: readonly Operation[] = [
  backAndForth('upgrade, convert'),
  backAndForth('upgrade, keep', { keepPrevious: true }),
  replacing('upgrade, replace'),
]

/** They differ by what comes next. */
export const upgradesThen: readonly Operation[] = [
  thenBack('upgrade, then back'),
  thenUnpinned('upgrade, then unpin'),
]

export const rollbacks: readonly Operation[] = [
  rollingBack('rollback'),
  rollingBack('rollback, keep', { keepPrevious: true }),
]

/** After the commit there are steps to be finished; before it there is a directory to be cleared away. */
export const recoveries: readonly Operation[] = [
  recovering('recover, finish', { after: 'step', n: 1, like: 'exchange' }),
]
export const clearings: readonly Operation[] = [
  recovering('recover, clear', { after: 'step', n: 2, like: 'write-manifest' }),
]
