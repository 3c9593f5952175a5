// Calls of an upgrade that fail, and what must hold then.
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { BpfError } from '../../src/index.ts'
import { listObject, Root } from '../../src/pin/index.ts'
import { errnos, failing } from '../faults.ts'
import { Counted, root } from './state-killing.ts'
import { treeOf, type Version } from './steady.ts'

const openFiles = (): number => readdirSync('/proc/self/fd').length

/** Everything that is pinned, by its ids, and which program each link runs. */
function pinned(): string {
  using open = Root.find(root)
  const listed = open && listObject(open, 'state')
  const links = listed?.links.map(({ name, id, programId }) => `${name} ${id} runs ${programId}`)
  const rest = [...(listed?.maps ?? []), ...(listed?.programs ?? [])].map(({ name, id }) => `${name} ${id}`)
  return [...(links ?? []), ...rest, ...(listed?.problems ?? [])].join()
}

function caught(run: () => void): BpfError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error as BpfError // looked at below
  }
}

/** Fails the n-th call of something that changes generation 1 to 2, and looks at what is left. */
function failCall(
  counted: Counted,
  n: number,
  code: keyof typeof errnos,
  run: () => void,
): string | undefined {
  const before = { pinned: pinned(), tree: treeOf(root), files: openFiles() }
  let error: BpfError | undefined
  const failed = failing(n, errnos[code], () => {
    error = caught(run)
  })
  const text = `call ${n}: ${failed}`
  assert.is(openFiles(), before.files, text)
  if (!error) return failed
  assert.is(error.code, code, `${text}\n${error.stack}`)
  if (error.message.includes('the new generation is in place')) return failed
  assert.is(pinned(), before.pinned, text)
  assert.equal(treeOf(root), before.tree, text)
  counted.makeEvents(1)
  counted.mustBeWhole(text)
  return failed
}

const codes = ['EPERM', 'EMFILE', 'ENOSPC', 'ENOMEM'] as const

/**
 * Every second call of an upgrade fails, each with another error: before the commit nothing has changed then, and after it
 * the next call finishes what was begun.
 */
export function failEverySecond(first: 1 | 2): void {
  const counted = new Counted()
  counted.install(1)
  let version: Version = 1
  for (let n = first, round = 0; ; n += 2, round++) {
    const next: Version = version === 1 ? 2 : 1
    const failed = failCall(counted, n, codes[round % 4]!, () => counted.upgrade(next).close())
    version = next
    if (failed === undefined) {
      assert.ok(n > 200, `${n} calls`)
      break
    }
    const again = caught(() => counted.upgrade(next).close())
    assert.is(again, undefined, `call ${n}: ${failed}, then ${again?.stack}`)
    counted.mustBeIntact(next, `call ${n}: ${failed}`)
    counted.mustBeAlone(next, `call ${n}: ${failed}`)
  }
  using object = counted.spec(version).loadPinned()
  object.unpin()
  assert.equal(treeOf(root), [])
  counted.close()
}
