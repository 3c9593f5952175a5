import { mkdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMap } from '../../src/index.ts'
import { copyEntries } from '../../src/pin/copy.ts'
import { createSnapshot } from '../../src/pin/snapshot.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { closeFd, objPin } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { flowConversion, liveConversion } from './carried.ts'
import { dies } from './dying.ts'
import { carrying, key, RawMap } from './maps.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
/** Three batches. */
const entries = 10_000

function flow(packets: number, bytes: number, state: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([BigInt(packets), BigInt(bytes), BigInt(state)]).buffer)
}
function wideFlow(packets: number, bytes: number, state: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([bytes, packets, state, 0].map(BigInt)).buffer)
}

/** Sweeps as a process does that is killed after so many calls; `false` if it came to its end. */
function killedAfter(directory: string, n: number): boolean {
  const like = /^bpf\(BPF_(PROG_TEST_RUN|MAP_LOOKUP_BATCH)\)$/
  return dies({ after: 'call', n, like }, ({ begin, keep }) => {
    const [old, next, snapshot] = ['old', 'new', 'snapshot'].map(name =>
      keep(openMap(`${directory}/${name}`)),
    )
    begin()
    sweepEntries(liveConversion(old!, next!), snapshot!.fd)
  })
}

needs(test, 'root')(
  'a sweep that is killed between any two of its steps is finished by the next, and adds nothing twice',
  () => {
    const directory = `${root}/killed`
    mkdirSync(directory)
    let kills = 0
    for (let call = 1, again = true; again; call++) {
      using old = new RawMap('hash', 4, 24, entries + 500)
      using next = new RawMap('hash', 4, 32, entries + 500)
      for (let i = 0; i < entries; i++) old.set(key(i), flow(i, 2 * i, i))
      const live = carrying(old, next, flowConversion)
      const snapshot = createSnapshot(live)
      const names = ['old', 'new', 'snapshot']
      try {
        copyEntries(live, snapshot)
        for (const [i, fd] of [old.fd, next.fd, snapshot].entries())
          assert.is(objPin(fd, `${directory}/${names[i]}`), 0)
        for (let i = 0; i < entries; i += 3) old.set(key(i), flow(i + 5, 2 * i + 7, i + 1))
        for (let i = 1; i < entries; i += 30) old.delete(key(i))
        for (let i = 0; i < 100; i++) old.set(key(entries + i), flow(1, 2, 3))
        again = killedAfter(directory, call)
        if (again) kills++
        // what new programs count between the two
        for (let i = 0; i < entries; i += 6) {
          const isCarried = next.get(key(i))![0] === (2 * i + 7) % 256
          const at = isCarried ? wideFlow(i + 5, 2 * i + 7, i + 1) : wideFlow(i, 2 * i, i)
          assert.equal(next.get(key(i)), at, `entry ${i} is as it was or as it is, killed after call ${call}`)
          new BigUint64Array(at.buffer)[1]! += 1000n
          next.set(key(i), at)
        }
        assert.is(sweepEntries(live, snapshot).failed, 0)
        assert.is(sweepEntries(live, snapshot).changed, 0)
        const expected = new Map<number, Uint8Array>()
        for (let i = 0; i < entries + 100; i++) {
          const counted = i % 6 === 0 && i < entries ? 1000 : 0
          if (i >= entries) expected.set(i, wideFlow(1, 2, 3))
          else if (i % 3 === 0) expected.set(i, wideFlow(i + 5 + counted, 2 * i + 7, i + 1))
          else if (i % 30 !== 1) expected.set(i, wideFlow(i, 2 * i, i))
        }
        assert.is(next.keys().length, expected.size)
        for (const [i, value] of expected)
          assert.equal(next.get(key(i)), value, `entry ${i}, killed after call ${call}`)
      } finally {
        for (const name of names) unlinkSync(`${directory}/${name}`)
        closeFd(snapshot)
      }
    }
    rmdirSync(directory)
    // three batches of each of the two maps, each read and looked at
    assert.ok(kills >= 12, `${kills} kills`)
  },
)

test.run()
