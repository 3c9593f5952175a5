// Upgrades of an object with links of families that not every kernel has: between events, and while a process makes them.
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type BpfObject,
  type ObjectSpec,
  openObject,
  openPinned,
  type PinnedObject,
} from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { progTestRun } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { Network } from '../link/network.ts'
import { needs } from '../requirements.ts'
import type { Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const kinds = 'entry exit modify hook bind probe multi primary replace'.split(' ')

function spec(version: Version, only: readonly string[], pid = process.pid): ObjectSpec {
  const made = openObject(fixture(`upgrade-kernel-${version}`), { root, name: 'families' })
  made.variables.get('only_pid').set(pid)
  for (const program of made.programs) program.autoload = only.includes(program.name.slice(3))
  return made
}

function seen(object: BpfObject | PinnedObject, kind: string): [number, number] {
  const [first, second] = object.variables.get('seen').get() as [bigint[], bigint[]] // u64[2][9]
  const at = kinds.indexOf(kind)
  return [Number(first[at]), Number(second[at])]
}

function openFiles(times: number): void {
  for (let i = 0; i < times; i++) closeSync(openSync('/proc/self/stat', 'r'))
}

const onFiles = 'entry exit modify hook probe multi'.split(' ')

needs(
  test,
  'root',
  'linux 6.12',
)(
  'links of kernel functions miss nothing while they are switched, and see each event once before and after',
  async () => {
    // another process opens files all the time: it says how many when it is told to end
    const code = `
    const { closeSync, openSync } = require('node:fs')
    process.stdin.once('data', () => {
      let opened = 0, isOver = false
      process.stdin.on('data', () => { isOver = true })
      const some = () => {
        for (let i = 0; i < 10; i++, opened++) closeSync(openSync('/proc/self/stat', 'r'))
        if (!isOver) setTimeout(some, 1)
        else { console.log(opened); process.exit() }
      }
      some()
    })
    console.log('ready')`
    const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    spec(1, onFiles, child.pid).upgrade().close()
    child.stdin.write('go')
    await new Promise(resolve => setTimeout(resolve, 300))
    for (const version of [2, 1, 2] as const) {
      spec(version, onFiles, child.pid).upgrade().close()
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    const [told, ended] = [once(child.stdout, 'data'), once(child, 'exit')]
    child.stdin.write('end')
    const opened = Number(String((await told)[0]))
    await ended
    using object = spec(2, onFiles, child.pid).loadPinned()
    assert.ok(opened > 50, `${opened} files`)
    for (const kind of onFiles) {
      const [first, second] = seen(object, kind)
      const text = `${kind}: ${first} and ${second} of ${opened}`
      assert.ok(first > 0 && second > 0, text)
      assert.ok(first + second >= opened && first + second < 2 * opened, text)
    }
    object.unpin()
  },
)

needs(
  test,
  'root',
  'linux 6.12',
)('each event between two upgrades is seen once, by the version that is pinned', () => {
  spec(1, onFiles).upgrade().close()
  for (const version of [2, 1, 2] as const) {
    using object = spec(version, onFiles).upgrade()
    const before = onFiles.map(kind => seen(object, kind))
    openFiles(20)
    for (const [i, kind] of onFiles.entries()) {
      const [first, second] = seen(object, kind)
      const [oldFirst, oldSecond] = before[i]!
      const expected = version === 1 ? [20, 0] : [0, 20]
      assert.equal([first - oldFirst, second - oldSecond], expected, kind)
    }
  }
  using object = spec(2, onFiles).loadPinned()
  object.unpin()
})

needs(test, 'root')(
  'a program that replaces a function is refused without allowGap, and replaces it with',
  () => {
    const replaced = openObject(fixture('link-replaced'), { root })
    using target = replaced.upgrade()
    const { fd } = target.programs.get('on_packet')
    const replacing = (version: Version): ObjectSpec => {
      const made = spec(version, ['replace'])
      made.programs.get('on_replace').target = { program: `${replaced.pinPath}/programs/on_packet` }
      return made
    }
    replacing(1).upgrade().close()
    assert.is(failure(() => replacing(2).upgrade()).code, 'ERR_GAP')
    progTestRun(fd, { dataIn: new Uint8Array(64), repeat: 5 })
    using object = replacing(2).upgrade({ allowGap: true })
    progTestRun(fd, { dataIn: new Uint8Array(64), repeat: 7 })
    assert.equal(seen(object, 'replace'), [5, 7])
    using again = replacing(2).upgrade()
    assert.is(again.links.get('on_replace').id, object.links.get('on_replace').id)
    again.unpin()
    target.unpin()
  },
)

needs(
  test,
  'root',
  'linux 6.7',
  'ip',
  'nsenter',
)(
  'links of a pair of interfaces and of a cgroup for LSM hooks are switched in place: each event once',
  async () => {
    const network = await Network.make()
    const cgroup = `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-switched`
    mkdirSync(cgroup)
    const upgraded = (version: Version): void => {
      const args = [...process.execArgv, switching, root, String(version), cgroup]
      network.run(process.execPath, ...args)
    }
    try {
      const script = `
        ip link add primary type netkit
        ip link set primary up
        ip link set nk0 up
        ip address add 192.0.2.1/24 dev primary`
      network.run('sh', '-ec', script)
      upgraded(1)
      writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))
      using object = openPinned('families', { root })
      for (const version of [2, 1, 2] as const) {
        upgraded(version)
        object.refresh()
        const before = ['bind', 'primary'].map(kind => seen(object, kind))
        for (let i = 0; i < 5; i++) {
          const socket = createSocket('udp4').bind(0, '127.0.0.1')
          await once(socket, 'listening')
          socket.close()
        }
        await network.send(5, '192.0.2.5')
        const after = ['bind', 'primary'].map(kind => seen(object, kind))
        const made = after.map(([first, second], i) => [first - before[i]![0], second - before[i]![1]])
        const [bound, sent] = made
        assert.equal(bound, version === 1 ? [5, 0] : [0, 5], 'bind')
        const [old, now] = version === 1 ? [sent![1], sent![0]] : sent!
        assert.is(old, 0, 'primary')
        assert.ok(now! >= 5, `${now} packets`)
      }
    } finally {
      writeFileSync(`${process.env.BPFPIN_TEST_CGROUP}/cgroup.procs`, String(process.pid))
      using open = Root.find(root)
      if (open) unpinObject(open, 'families')
      await network.close()
      rmdirSync(cgroup)
    }
  },
)

const switching = new URL('./kernel-families.ts', import.meta.url).pathname

test.run()
