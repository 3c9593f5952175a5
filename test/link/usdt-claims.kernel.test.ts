// Two processes that have found one pinned object, and attach to more USDT probes by it at the same time.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { opened, probe } from './usdt-target.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onX86 = process.arch === 'x64' ? needs(test, 'root') : () => {}

/** Has another process attach once, with cookie 1000, and end. */
function otherProcess(): void {
  const script = new URL('./usdt-claimer.ts', import.meta.url).pathname
  const args = [script, fixture('usdt'), root, probe('counted').binary, '1', '1']
  const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, ...args], { input: 'go\n' })
  assert.is(status, 0, String(stderr))
}

for (const [when, nth] of [
  ['before this one says that it takes the first free slot', 1],
  ['between that and the writing of the slot', 2],
  ['before it takes the next one', 3],
] as const) {
  onX86(`no slot is taken twice where another process attaches ${when}`, () => {
    const spec = opened()
    const program = spec.programs.get('on_probe')
    program.target = probe('counted')
    using object = spec.upgrade()
    program.link.cookie = 7n
    let updates = 0
    interceptSyscalls(({ name }) => {
      if (name === 'bpf(BPF_MAP_UPDATE_ELEM)' && ++updates === nth) otherProcess()
      return undefined
    })
    try {
      using _ = object.programs.get('on_probe').attach()
    } finally {
      interceptSyscalls(undefined)
    }
    const slots = object.maps.get('__bpf_usdt_specs')
    const cookies = [...slots.keys()].flatMap(key => {
      const { arg_cnt, usdt_cookie } = slots.get(key) as { arg_cnt: number; usdt_cookie: number | bigint }
      return arg_cnt > 0 ? [Number(usdt_cookie)] : []
    })
    // the probe is at three places with different arguments
    assert.equal(
      cookies.sort((a, b) => a - b),
      [0, 0, 0, 7, 7, 7, 1000, 1000, 1000],
    )
    object.unpin()
  })
}

test.run()
