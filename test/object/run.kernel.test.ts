import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enableStats, openObject } from '../../src/index.ts'
import { getAffinity } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

/** Offsets in struct __sk_buff, include/uapi/linux/bpf.h: len is its first field, mark its third. */
const markAt = 8
const skBuffSize = 192

needs(test, 'root')('a program runs on a packet, and gives back what it made of it', () => {
  using object = openObject(fixture('runs')).load()
  const packet = Uint8Array.from({ length: 60 }, (_, i) => i)
  const { returnValue, data, context } = object.programs.get('grows').run({ data: packet })
  const XDP_TX = 3
  assert.is(returnValue, XDP_TX)
  assert.equal(data, Uint8Array.from([60, 0, 0, 0, ...packet]))
  assert.is(context.length, 0)
})

needs(test, 'root')('a program sees its context and changes it, as often as it is run', () => {
  using object = openObject(fixture('runs')).load()
  const given = new Uint8Array(skBuffSize)
  given[markAt] = 40
  const data = new Uint8Array(64)
  const once = object.programs.get('marks').run({ data, context: given })
  // the length counts the Ethernet header where the hook is
  assert.is(once.returnValue, 64)
  assert.is(once.context[markAt], 41)
  assert.is(given[markAt], 40)
  const often = object.programs.get('marks').run({ data, context: given, repeat: 10 })
  assert.is(often.context[markAt], 50)
  assert.type(often.durationNs, 'number')
})

needs(test, 'root')('a SYSCALL program takes its context and leaves the caller’s bytes alone', () => {
  using object = openObject(fixture('runs')).load()
  const given = new BigUint64Array([5n, 2n ** 40n, 0n])
  const { returnValue, context, data } = object.programs
    .get('adds')
    .run({ context: new Uint8Array(given.buffer) })
  assert.is(returnValue, 7)
  assert.equal(
    new BigUint64Array(context.slice().buffer),
    new BigUint64Array([5n, 2n ** 40n, 2n ** 40n + 5n]),
  )
  assert.is(given[2], 0n)
  assert.is(data.length, 0)
})

needs(test, 'root')('a raw tracepoint program runs on the CPU that is asked for', () => {
  using object = openObject(fixture('runs')).load()
  const cpus = getAffinity()
  if (typeof cpus === 'number') throw new Error(`errno ${-cpus}`)
  const context = new Uint8Array(new BigUint64Array([100n]).buffer)
  for (const cpu of cpus)
    assert.is(object.programs.get('which_cpu').run({ context, cpu }).returnValue, 100 + cpu)
})

needs(test, 'root')('a program of a type that cannot be run is refused, by name', () => {
  using object = openObject(fixture('runs')).load()
  assert.throws(
    () => object.programs.get('never').run(),
    (e: { code?: string; message: string }) =>
      e.code === 'ENOTSUPP' && /program 'never' \(kprobe\)/.test(e.message),
  )
})

needs(
  test,
  'root',
  'bpftool',
  'linux 5.8',
)('runs are counted for as long as somebody wants them to be, as bpftool says', () => {
  using object = openObject(fixture('runs')).load()
  const program = object.programs.get('marks')
  const data = new Uint8Array(64)
  program.run({ data, repeat: 1000 })
  const before = program.stats()
  {
    using counting = enableStats()
    program.run({ data, repeat: 1000 })
    assert.not(counting.closed)
    const { runs, timeNs, misses } = program.stats()
    assert.ok(runs - before.runs >= 1000, `${runs} runs`)
    assert.ok(timeNs > before.timeNs)
    assert.is(misses, 0)
    const shown = JSON.parse(
      execFileSync('bpftool', ['--json', 'prog', 'show', 'id', `${program.id}`]).toString(),
    )
    assert.equal([shown.run_cnt, shown.run_time_ns], [runs, timeNs])
    counting.close()
    counting.close()
    assert.ok(counting.closed)
  }
})

needs(test, 'root')(
  'what a program makes of its packet has to have room, and numbers have to be some',
  () => {
    using object = openObject(fixture('runs')).load()
    const program = object.programs.get('grows')
    const refused = failure(() => program.run({ data: new Uint8Array(60), roomForData: 60 }))
    assert.is(refused.code, 'ENOSPC')
    assert.match(refused.hint ?? '', 'it left 64 bytes of data')
    // what JavaScript could give
    for (const input of [
      { repeat: -1 },
      { repeat: 0.5 },
      { cpu: -1 },
      { data: 'packet' },
      { roomForData: Number.NaN },
    ])
      assert.is(failure(() => program.run(input as never)).code, 'ERR_VALUE')
  },
)

test.run()
