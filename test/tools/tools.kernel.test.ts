// Tools of the kind that people ship: each is loaded and attached and sees what is done here.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer as createHttpServer, get } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BpfObject } from '../../src/index.ts'
import { makeCalls } from '../calls.ts'
import { Network } from '../link/network.ts'
import { needs } from '../requirements.ts'
import { attached, constants, eventually, records, textAt, variable } from './tool.ts'

const onKernel = needs(test, 'root')
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''

/** What keys and values of the tools' maps have, each some of it. */
interface Row {
  readonly [field: string]: unknown
  readonly slots: number[]
  readonly total: bigint
  readonly bytes: bigint
  readonly packets: bigint
  readonly delayed: bigint
  readonly dropped: bigint
  readonly calls: bigint
  readonly errors: bigint
  readonly nanoseconds: bigint
  readonly slowest: bigint
  readonly user_stack: number
  readonly kernel_stack: number
}
const rows = (object: BpfObject, map: string): [Row, Row][] => [
  ...(object.maps.get(map) as Iterable<[Row, Row]>),
]
const slots = (row: Row | undefined): number => row?.slots.reduce((sum, count) => sum + count, 0) ?? 0

/** Runs with this process in a cgroup of its own. */
async function inCgroup(act: (path: string) => Promise<void>): Promise<void> {
  const path = `${cgroups}/bpfpin-tools-${process.pid}`
  mkdirSync(path)
  try {
    await act(path)
  } finally {
    writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
    rmdirSync(path)
  }
}

const enter = (cgroup: string): void => writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A client says something and hangs up; the number of its port. */
async function talk(port: number, text: string): Promise<number> {
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  const { localPort } = client
  client.end(text)
  client.resume()
  await once(client, 'close')
  return localPort!
}

onKernel('execsnoop sees a program, its parent and its arguments', async () => {
  using tool = attached('execsnoop', constants({ only_parent: process.pid }))
  const { pid } = spawnSync('/bin/echo', ['one', 'two words'], { stdio: 'ignore' })
  const event = await eventually('the event', () => records(tool).find(one => one.readUInt32LE(8) === pid))
  assert.is(event.readUInt32LE(12), process.pid)
  assert.is(event.readUInt32LE(24), 2)
  assert.is(textAt(event, 32), 'echo')
  assert.is(event.toString('latin1', 48, 48 + event.readUInt32LE(28)), 'one\0two words\0')
})

onKernel('opensnoop sees files that are opened and files that are not there', () => {
  using tool = attached('opensnoop', constants({ only_pid: process.pid }))
  readFileSync('/proc/self/stat')
  assert.throws(() => openSync('/proc/none', 'r'))
  const seen = records(tool).map(one => ({
    path: textAt(one, 40),
    result: one.readInt32LE(16),
    pid: one.readUInt32LE(8),
  }))
  const there = seen.find(({ path }) => path === '/proc/self/stat')
  assert.is(there?.pid, process.pid)
  assert.ok(there!.result > 2)
  const ENOENT = 2
  assert.equal(seen.find(({ path }) => path === '/proc/none')?.result, -ENOENT)
})

onKernel('tcplife sees a connection with its bytes when it ends', async () => {
  const server = createServer(socket => socket.resume().end('answer'))
  const port = await listening(server)
  using tool = attached('tcplife', constants({ only_port: port }))
  const local = await talk(port, 'twelve bytes')
  const event = await eventually('the event', () =>
    records(tool).find(one => one.readUInt16LE(38) === local && one.readUInt16LE(40) === port),
  )
  // the end of the stream is a byte, too: tcp_fin() in net/ipv4/tcp_input.c
  assert.equal([event.readBigUInt64LE(8), event.readUInt16LE(36)], [BigInt('answer'.length + 1), 2])
  assert.equal([...event.subarray(58, 62)], [127, 0, 0, 1])
  server.close()
})

onKernel('runqlat has waits of this process', async () => {
  const by = 1
  using tool = attached('runqlat', constants({ by, only_tgid: process.pid }))
  for (let i = 0; i < 20; i++) await setTimeout(1)
  const found = await eventually('waits', () =>
    rows(tool, 'histograms').find(([key]) => Number(key) === process.pid),
  )
  assert.ok(slots(found[1]) > 0)
  assert.equal(BigInt(slots(found[1])), found[1].total)
})

onKernel('offcputime sums up the sleep of a process', async () => {
  using tool = attached('offcputime')
  const { pid } = spawnSync('sleep', ['0.3'])
  const its = rows(tool, 'waited').filter(([key]) => key.tgid === pid)
  const all = its.reduce((sum, [, microseconds]) => sum + Number(microseconds), 0)
  assert.ok(all >= 290_000 && all < 30_000_000, `${all} us`)
})

const disk = '/var/tmp'
function writeToDisk(): void {
  const file = `${disk}/bpfpin-tools-${process.pid}`
  const fd = openSync(file, 'w')
  writeSync(fd, Buffer.alloc(1 << 20))
  fsyncSync(fd)
  closeSync(fd)
  rmSync(file)
}

onKernel('biolatency has the requests that writing to a disk takes', async () => {
  using tool = attached('biolatency')
  writeToDisk()
  const written = (): boolean =>
    rows(tool, 'histograms').some(
      ([key, value]) => key.operation === 1 && value.bytes >= 1n << 20n && slots(value) > 0,
    )
  await eventually('writes', written)
})

onKernel('biosnoop names the disk that was written to', async () => {
  using tool = attached('biosnoop')
  writeToDisk()
  const { dev } = statSync(disk)
  const device = ((dev >> 8) << 20) | (dev & 0xff)
  const event = await eventually('a write', () => records(tool).find(one => one.readUInt32LE(24) >= 1 << 16))
  assert.is(event.readUInt32LE(36), device)
  assert.ok(readFileSync('/proc/partitions', 'utf8').includes(` ${textAt(event, 56)}\n`))
})

onKernel('sigsnoop sees who sends what to whom', async () => {
  using tool = attached('sigsnoop', constants({ only_sender: process.pid }))
  const child = spawn('sleep', ['60'])
  child.kill('SIGUSR1')
  await once(child, 'exit')
  const [event] = records(tool).filter(one => one.readUInt32LE(4) === child.pid)
  assert.equal(
    [event?.readUInt32LE(0), event?.readInt32LE(8), textAt(event!, 36)],
    [process.pid, 10, 'sleep'],
  )
  assert.is((variable(tool, 'sent') as bigint[])[10], 1n)
})

onKernel('exitsnoop sees how processes end', async () => {
  using tool = attached('exitsnoop', constants({ only_parent: process.pid }))
  const { pid } = spawnSync('sh', ['-c', 'exit 3'])
  const killed = spawnSync('sh', ['-c', 'kill -9 $$'])
  const events = records(tool)
  const of = (wanted: number): Buffer => events.find(one => one.readUInt32LE(24) === wanted)!
  assert.equal([of(pid).readInt32LE(36), of(pid)[40], textAt(of(pid), 42)], [3, 0, 'sh'])
  assert.equal([of(killed.pid).readInt32LE(36), of(killed.pid)[40]], [0, 9])
  assert.ok(of(pid).readBigUInt64LE(8) > 10n, 'pages of memory')
})

onKernel('syscount counts calls, and knows the kernel that it is in', () => {
  using tool = attached('syscount', constants({ only_pid: process.pid }))
  for (let i = 0; i < 25; i++) process.ppid
  const getppid = 110
  const [, sum] = rows(tool, 'sums').find(([key]) => key.number === getppid)!
  assert.is(sum.calls, 25n)
  assert.is(sum.errors, 0n)
  assert.ok(sum.nanoseconds > 0n && sum.slowest <= sum.nanoseconds)
  const config = execFileSync('zcat', ['/proc/config.gz'], { encoding: 'utf8' })
  assert.is(variable(tool, 'ticks'), Number(/^CONFIG_HZ=(\d+)$/m.exec(config)?.[1]))
  const [major, minor] = execFileSync('uname', ['-r'], { encoding: 'utf8' }).split('.').map(Number)
  assert.is((variable(tool, 'version') as number) >> 8, (major! << 8) | minor!)
})

onKernel('profile finds a process that is busy', async () => {
  using tool = attached('profile', spec => {
    spec.programs.get('on_sample').targets = {
      a: { event: 'cpu-clock', frequency: 999, cpu: 0 },
      b: { event: 'cpu-clock', frequency: 999, cpu: 1 },
    }
    constants({ only_pid: process.pid })(spec)
  })
  for (const end = performance.now() + 300; performance.now() < end; ) Math.sqrt(end)
  const [sample] = await eventually('samples', () => rows(tool, 'counts')[0])
  assert.is(sample.pid, process.pid)
  const stacks = tool.maps.get('stacks')
  const isKept = (stack: number): boolean =>
    stack >= 0 && stacks.has(new Uint8Array(new Uint32Array([stack]).buffer))
  assert.ok(isKept(sample.user_stack) || isKept(sample.kernel_stack))
})

onKernel('xdpfilter drops what a rule says, and counts by protocol', async () => {
  const network = await Network.make()
  try {
    const name = `bpft${process.pid % 100000}`
    network.connect(name, '10.77.1.1')
    using tool = attached('xdpfilter', spec => {
      spec.programs.get('filter').target = { interface: name, mode: 'generic' }
    })
    const [PASS, DROP] = [2, 1]
    tool.maps.get('ports').set(9, { packets: 0n, action: PASS, number: 1 })
    await network.send(5, '10.77.1.1')
    const udp = (): number =>
      (tool.maps.get('protocols').get(17) as Row[]).reduce((sum, { packets }) => sum + Number(packets), 0)
    await eventually('five datagrams', () => udp() >= 5 || undefined)
    // addresses are in the order of the network
    tool.maps
      .get('rules4')
      .set(
        { prefix: 24, address: Buffer.from([10, 77, 1, 0]).readUInt32LE() },
        { packets: 0n, action: DROP, number: 2 },
      )
    await network.send(7, '10.77.1.1')
    const rule = (): Row =>
      tool.maps.get('rules4').get({ prefix: 24, address: Buffer.from([10, 77, 1, 0]).readUInt32LE() }) as Row
    await eventually('seven more', () => rule().packets === 7n || undefined)
    assert.is((tool.maps.get('ports').get(9) as Row).packets, 5n)
    assert.is(variable(tool, 'malformed'), 0n)
  } finally {
    await network.close()
  }
})

onKernel('tcshaper delays packets of a class, and drops those beyond the horizon', async () => {
  const network = await Network.make()
  const socket = createSocket('udp4')
  try {
    const name = `bpft${process.pid % 100000}`
    network.connect(name, '10.77.2.1')
    using tool = attached('tcshaper', spec => {
      spec.programs.get('shape').target = { interface: name }
    })
    const zero = { next: 0n, packets: 0n, delayed: 0n, dropped: 0n, marked: 0n }
    // 1000 bytes with headers are a second each: the third is beyond the horizon of two
    tool.maps.get('classes').set(0, { ...zero, bytes_per_second: 1000n })
    for (let i = 0; i < 5; i++)
      await new Promise(resolve => socket.send(Buffer.alloc(958), 9, '10.77.2.99', () => resolve(undefined)))
    const row = tool.maps.get('classes').get(0) as Row
    assert.ok(row.packets >= 5n)
    assert.ok(
      row.delayed >= 1n && row.dropped >= 1n,
      JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
    )
  } finally {
    socket.close()
    await network.close()
  }
})

onKernel('cgroupwall denies a connection, and says which', async () => {
  const server = createServer(socket => socket.end())
  const port = await listening(server)
  await inCgroup(async cgroup => {
    using tool = attached('cgroupwall', spec => {
      for (const program of spec.programs) program.target = { cgroup }
    })
    enter(cgroup)
    await talk(port, 'x')
    const network = { prefix: 8, address: 127 }
    tool.maps.get('policies').set(network, { first_port: port, last_port: port, verdict: 0 })
    const [error] = await once(connect(port, '127.0.0.1'), 'error').catch(error => [error])
    assert.is((error as NodeJS.ErrnoException).code, 'EPERM')
    const [denied] = records(tool, 'denials')
    assert.equal([denied?.readUInt32LE(8), denied?.readUInt16LE(16)], [process.pid, port])
    const CONNECT4 = 2
    assert.equal((variable(tool, 'seen') as bigint[][])[CONNECT4], [1n, 1n])
  })
  server.close()
})

onKernel('sockredirect hands bytes over from socket to socket', async () => {
  const got: Buffer[] = []
  const server = createServer(socket => socket.on('data', data => got.push(data)))
  await inCgroup(async cgroup => {
    // what is accepted is in the cgroup of the socket that listened
    enter(cgroup)
    const port = await listening(server)
    using tool = attached('sockredirect', spec => {
      constants({ only_port: port })(spec)
      spec.programs.get('on_event').target = { cgroup }
      spec.programs.get('on_message').target = { map: 'sockets' }
    })
    const client = connect(port, '127.0.0.1')
    await once(client, 'connect')
    await eventually('both sides', () => String(variable(tool, 'established')) === '1,1' || undefined)
    client.write('past the network')
    await eventually('the bytes', () => Buffer.concat(got).toString() === 'past the network' || undefined)
    assert.is(variable(tool, 'redirected'), 1n)
    assert.is(variable(tool, 'bytes'), 16n)
    client.destroy()
    await once(client, 'close')
  })
  server.close()
})

onKernel('tasklist lists this process and its files', () => {
  using tool = attached('tasklist', constants({ only_tgid: process.pid }))
  const text = (name: string): string => Buffer.from(tool.links.get(name).read()).toString()
  const threads = text('dump_tasks')
    .split('\n')
    .filter(line => line.startsWith(String(process.pid).padStart(6)))
  assert.ok(threads.length > 1)
  assert.match(threads[0]!, new RegExp(`^ *${process.pid} +${process.pid} +${process.ppid} `))
  const bytes = Buffer.from(tool.links.get('dump_records').read())
  assert.equal([bytes.readUInt32LE(0), bytes.readUInt32LE(8)], [process.pid, process.ppid])
  const fd = openSync('/proc/self/status', 'r')
  assert.match(text('dump_files'), new RegExp(`^${process.pid} ${fd} \\d+ status$`, 'm'))
  closeSync(fd)
})

onKernel('ancestry follows the parents of a program, by functions of the kernel', () => {
  using tool = attached('ancestry', constants({ only_parent: process.pid }))
  const { pid } = spawnSync('true')
  const event = records(tool).find(one => one.readUInt32LE(8) === pid)!
  assert.ok(event.readUInt32LE(0) >= 2)
  assert.equal([textAt(event, 12), event.readUInt32LE(28), event.readUInt32LE(4)], ['true', process.pid, 1])
  const address = readFileSync('/proc/kallsyms', 'utf8').match(/^(\w+) \w wake_up_process$/m)![1]
  assert.is(variable(tool, 'waker'), BigInt(`0x${address}`))
})

needs(
  test,
  'root',
  '/usr/bin/python3',
)('pygc sees the pauses of the garbage collector and the imports', () => {
  using tool = attached('pygc')
  const { pid } = spawnSync('/usr/bin/python3', ['-c', 'import gc, colorsys; gc.collect(1); gc.collect(2)'])
  const pauses = records(tool).filter(one => one.readUInt32LE(16) === pid)
  const generations = pauses.map(one => one.readInt32LE(20))
  assert.ok(generations.includes(1) && generations.includes(2), `${generations}`)
  assert.ok(pauses.every(one => textAt(one, 24) === 'python3' && one.readBigUInt64LE(0) > 0n))
  const imports = records(tool, 'imports').filter(one => one.readUInt32LE(8) === pid)
  assert.ok(imports.some(one => textAt(one, 12) === 'colorsys'))
})

onKernel('httpwatch sees a request and how long its answer took', async () => {
  using tool = attached('httpwatch', constants({ only_pid: process.pid }))
  const server = createHttpServer((_, response) => response.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => {
    get({ port, host: '127.0.0.1', path: '/some/page', agent: false }, response =>
      response.resume().on('end', resolve),
    )
  })
  const event = await eventually('the request', () => records(tool)[0])
  assert.match(textAt(event, 36), /^GET \/some\/page HTTP\/1\.1/)
  assert.is(event.readUInt32LE(8), process.pid)
  server.close()
})

onKernel('sysmon says who made a call on what, by a program for each call', () => {
  using tool = attached('sysmon', constants({ only_pid: process.pid }))
  const [getppid, openat] = [110, 257]
  for (const number of [getppid, openat]) tool.maps.get('wanted').set(number, 1)
  process.ppid
  makeCalls(1)
  const events = records(tool).map(one => ({
    number: one.readUInt32LE(24),
    result: one.readBigInt64LE(16),
    one,
  }))
  const parent = events.find(({ number }) => number === getppid)
  assert.is(parent?.result, BigInt(process.ppid))
  const opened = events.find(({ number }) => number === openat)?.one
  assert.ok(opened?.includes('/proc/self/stat\0'))
  assert.ok(opened?.includes(`${readFileSync('/proc/self/comm', 'utf8').trim()}\0`))
  assert.ok((variable(tool, 'submitted') as bigint) >= 2n)
})

test.run()
