// What depends on the processor, in one file, which is all that the arm64 machine runs: numbers of system calls and
// layouts of their arguments, memory shared with programs, functions found in its binaries.
import { createSocket } from 'node:dgram'
import { closeSync, mkdirSync, openSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { epollAdd, epollCreate, epollWait } from '../../src/syscall/epoll.ts'
import { makeCalls } from '../calls.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')
const ids = ({ maps, programs, links }: BpfObject): unknown =>
  [maps, programs, links].map(items => [...items].map(({ name, id }) => [name, id]))

onKernel('what was loaded, attached and pinned works on, and is found again', () => {
  const counter = (): ObjectSpec => {
    const spec = openObject(fixture('counter'), { root })
    spec.variables.get('only_pid').set(process.pid)
    return spec
  }
  const first = counter().upgrade()
  const firstIds = ids(first)
  first.close()
  makeCalls(20)
  using second = counter().upgrade()
  assert.ok(second.wasFound)
  assert.equal(ids(second), firstIds)
  using other = openPinned('counter', { root, readOnly: true })
  const tally = other.maps.get('by_process').get(process.pid) as { calls: bigint; comm: string }
  assert.ok(tally.calls >= 60n, `${tally.calls}`)
  // mapped memory, by its address, and looked up
  const entered = second.variables.get('entered')
  assert.ok((entered.get() as bigint) >= tally.calls)
  second.variables.get('weight').set(7n)
  assert.is(other.variables.get('weight').get(), 7n)
  second.unpin()
  assert.equal(readdirSync(root), [])
})

onKernel('version 2 takes over with every count, by a sweep inside the kernel', () => {
  const flows = (version: 1 | 2): ObjectSpec => {
    const spec = openObject(fixture(`upgrade-flows-${version}`), { root, name: 'flows' })
    spec.variables.get('callers').set([process.pid, 0])
    spec.programs.get('on_datagram').autoload = false
    for (const name of ['flows', 'calls', 'truth_of']) spec.maps.get(name).maxEntries = 64
    return spec
  }
  flows(1).upgrade().close()
  makeCalls(100)
  using second = flows(2).upgrade({
    onMismatch: 'convert',
    merge: { calls: { packets: 'sum', bytes: 'sum' } },
    keepPrevious: true,
  })
  assert.equal(second.upgraded?.carried.map(({ map }) => map).sort(), ['.bss', 'calls', 'flows'])
  makeCalls(100)
  // with all at rest, what was counted in the old layout is there in the new one
  second.variables.get('callers').set([0, 0])
  const truth = new Map(second.maps.get('truth_of') as Iterable<[number, Record<string, bigint>]>)
  let packets = 0n
  for (const [key, flow] of second.maps.get('flows') as Iterable<[number, Record<string, bigint>]>) {
    assert.equal([flow.packets, flow.bytes], [truth.get(key)?.packets, truth.get(key)?.bytes], `flow ${key}`)
    packets += flow.packets ?? 0n
  }
  assert.ok(packets >= 600n, `${packets}`)
  for (const [key, calls] of second.maps.get('calls') as Iterable<[number, Record<string, bigint>[]]>) {
    const sum = calls.reduce((all, { packets }) => all + (packets ?? 0n), 0n)
    assert.is(sum, truth.get(key)?.calls, `calls ${key}`)
  }
  assert.is(second.variables.get('calls_in_all').get(), packets)
  using openAgain = openPinned('flows', { root })
  assert.is(openAgain.generation, 2)
  second.unpin()
})

onKernel('a link is switched from one packet to the next', async () => {
  const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
  const cgroup = `${cgroups}/bpfpin-smoke-${process.pid}`
  mkdirSync(cgroup)
  const events = (version: 1 | 2): ObjectSpec => {
    const spec = openObject(fixture(`upgrade-events-${version}`), { root, name: 'events' })
    for (const program of spec.programs) program.autoload = program.name === 'on_egress'
    spec.programs.get('on_egress').target = { cgroup }
    return spec
  }
  const socket = createSocket('udp4')
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      await new Promise(resolve => socket.send('x', 9, '127.0.0.1', () => resolve(undefined)))
  }
  try {
    using first = events(1).upgrade()
    writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))
    await send(10)
    const { id } = first.links.get('on_egress')
    using second = events(2).upgrade()
    await send(5)
    assert.is(second.links.get('on_egress').id, id)
    const seen = second.variables.get('seen').get() as bigint[][]
    const EGRESS = 3
    assert.equal([seen[0]?.[EGRESS], seen[1]?.[EGRESS]], [10n, 5n])
    second.unpin()
  } finally {
    socket.close()
    writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
    rmdirSync(cgroup)
  }
})

onKernel('a function of a library of this processor is found and probed', () => {
  const spec = openObject(fixture('link-user'), { root })
  spec.variables.get('only_pid').set(process.pid)
  for (const program of spec.programs) program.autoload = program.name === 'on_call'
  using object = spec.load()
  object.attach()
  for (let i = 0; i < 10; i++) process.ppid
  assert.is(object.variables.get('calls').get(), 10n)
})

onKernel('epoll says which of its members have input', () => {
  const epoll = epollCreate()
  const random = openSync('/dev/random', 'r')
  try {
    assert.equal(epollWait(epoll, 0), [])
    assert.is(epollAdd(epoll, random), 0)
    assert.equal(epollWait(epoll, 0), [random])
  } finally {
    closeSync(random)
    closeSync(epoll)
  }
})

if (process.env.BPFPIN_MACHINE !== undefined)
  needs(test, 'root')('a system call is probed by the name that its function has here', () => {
    const spec = openObject(fixture('link-kernel'), { root })
    spec.variables.get('only_pid').set(process.pid)
    for (const program of spec.programs) program.autoload = program.name === 'on_syscall'
    using object = spec.load()
    object.attach()
    for (let i = 0; i < 10; i++) process.ppid
    assert.is(object.variables.get('syscalls').get(), 10n)
  })

test.run()
