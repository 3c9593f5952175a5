// Somebody removes a pin of an object whose upgrade was stopped after its commit: that must not be the end of the object.
import { existsSync, rmdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfError } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { closeFd, linkInfo, linkUpdate, objGet } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { dies } from './dying.ts'
import { namesBelow, pinnedBelow } from './kernel-state.ts'
import { Counted, root } from './state-killing.ts'

/** Stopped right after its commit: what is pinned, of either generation. */
function stop(counted: Counted): string[] {
  counted.install(1)
  const hasDied = dies({ after: 'step', n: 1, like: 'exchange' }, ({ begin }) => {
    begin()
    counted.upgrade(2)
  })
  assert.ok(hasDied)
  return pinnedBelow(root).flatMap(line => {
    const [name = '', kind] = line.split(' ')
    return kind === undefined || name.includes('~object') ? [] : [name]
  })
}

needs(test, 'root')(
  'whichever pin is removed by hand after a kill, the upgrade is finished, and what cannot be made whole is said',
  () => {
    const counted = new Counted()
    let whole = 0
    const pins = stop(counted)
    assert.ok(pins.length > 20, pins.join(' '))
    const finish = (pin: string): void => {
      unlinkSync(`${root}/${pin}`)
      try {
        counted.upgrade(2).close()
        counted.mustRun(2, pin)
        counted.mustBeAlone(2, pin)
        whole++
      } catch (error) {
        follow(counted, error as BpfError, pin)
      }
      assert.not(namesBelow(root).includes('state~next'), pin)
      unpin()
      stop(counted)
    }
    const warnings = warningsOf(() => pins.forEach(finish))
    assert.ok(whole > pins.length / 2, `${whole} of ${pins.length}`)
    assert.ok(warnings.some(text => text.includes('is finished, but pins had been removed')))
    unpin()
    counted.close()
  },
)

needs(test, 'root')(
  'a link that runs a program of neither version keeps it, though the pin of the old program is gone',
  () => {
    const counted = new Counted()
    using stranger = counted.spec(1).load()
    const program = stranger.programs.get('on_both')
    stop(counted)
    const link = objGet(`${root}/state/links/on_both`)
    assert.is(linkUpdate(link, program.fd), 0)
    unlinkSync(`${root}/state~next/programs/on_both`)
    const warnings = warningsOf(() => counted.upgrade(2).close())
    assert.is(warnings.length, 1)
    assert.match(warnings[0]!, `/links/on_both: it runs program ${program.id}, of neither version`)
    const info = linkInfo(link)
    assert.is(typeof info === 'object' && 'progId' in info && info.progId, program.id)
    closeFd(link)
    unpin()
    counted.close()
  },
)

/** What is warned of meanwhile. */
function warningsOf(run: () => void): string[] {
  const warnings: string[] = []
  const { emitWarning } = process
  process.emitWarning = (text: string | Error) => void warnings.push(String(text))
  try {
    run()
  } finally {
    process.emitWarning = emitWarning
  }
  return warnings
}

/** Does what the error says: a link is attached anew, a map or program of the new generation nobody can make up. */
function follow(counted: Counted, { code, hint = '', path = '', stack }: BpfError, pin: string): void {
  assert.ok(code === 'ERR_PIN_MISSING' || code === 'ERR_PIN_REPLACED', `${pin}: ${stack}`)
  if (!pin.includes('link')) {
    assert.match(hint, /bpftool (map|prog) pin id \d+ \/.*unpin the object/, pin)
    return
  }
  assert.match(hint, /remove what is pinned there.*then upgrade\(\) attaches it anew/, pin)
  unlinkSync(path)
  counted.upgrade(2).close()
  counted.mustRun(2, pin)
}

/** What is not the object's any more is named, and left. */
function unpin(): void {
  using open = Root.find(root)
  const report = open && unpinObject(open, 'state')
  for (const { path } of report?.left ?? []) unlinkSync(path)
  // with something in it, it was left, too
  if (report?.left.length && existsSync(`${root}/elsewhere`)) rmdirSync(`${root}/elsewhere`)
  assert.equal(namesBelow(root), [])
}

test.run()
