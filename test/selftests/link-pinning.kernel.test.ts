// After the kernel's selftest `link_pinning`: a program that passes a number on shows whether its link lives.
import { existsSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { makeCalls } from '../calls.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** The fixture with one of its two programs. */
function only(program: string): ObjectSpec {
  const spec = openObject(fixture('pinning-links'), { root })
  for (const other of spec.programs) other.autoload = other.name === program
  return spec
}

for (const [program, passed] of [
  ['on_raw', 'raw_passed'],
  ['on_btf', 'btf_passed'],
] as const) {
  needs(test, 'root')(`a link of '${program}' lives as long as it is pinned or open`, async () => {
    /** Gives the program a number: does it arrive? */
    const passes = ({ variables }: Pick<BpfObject, 'variables'>, number: number): boolean => {
      variables.get('given').set(number)
      makeCalls(1)
      return variables.get(passed).get() === number
    }

    const first = only(program).load()
    assert.not(passes(first, 1))
    first.attach()
    assert.ok(passes(first, 2))
    first.pin()
    const pin = `${root}/pinning-links/links/${program}`
    assert.ok(existsSync(pin))
    assert.ok(passes(first, 3))
    const { id } = first.links.get(program)
    first.close()

    // holds the maps, and no link
    using watch = openPinned('pinning-links', { root })
    assert.ok(passes(watch, 4))
    const again = only(program).loadPinned()
    assert.is(again.links.get(program).id, id)
    rmSync(pin)
    assert.ok(passes(watch, 5))
    again.close()
    for (let number = 6; passes(watch, number); number++) {
      assert.ok(number < 200, 'it still runs')
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    rmSync(`${root}/pinning-links`, { recursive: true })
  })
}

test.run()
