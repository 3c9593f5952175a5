// The tools that hook functions of the kernel, which not every system's kernel allows.
import { spawn, spawnSync } from 'node:child_process'
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
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { attached, constants, eventually, records, textAt, variable } from './tool.ts'

const onKernel = needs(test, 'root')
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

onKernel('tcpconnlat has how long a connection took, and from where to where', async () => {
  const server = createServer(socket => socket.end())
  const port = await listening(server)
  using tool = attached('tcpconnlat', constants({ only_pid: process.pid }))
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  const { localPort } = client
  client.resume()
  await once(client, 'close')
  const [event] = records(tool)
  assert.equal([event?.readUInt32LE(8), event?.readUInt16LE(16)], [process.pid, port])
  assert.is(event?.readUInt16LE(14), localPort)
  assert.equal([...event!.subarray(50, 54)], [127, 0, 0, 1])
  assert.ok(event!.readBigUInt64LE(0) > 0n)
  server.close()
})

onKernel('tcprtt has a histogram of the peer', async () => {
  const server = createServer(socket => socket.pipe(socket))
  const port = await listening(server)
  using tool = attached('tcprtt', constants({ only_port: port }))
  const client = connect(port, '127.0.0.1')
  client.write('there and back')
  await once(client, 'data')
  client.end()
  await once(client, 'close')
  const all = [...(tool.maps.get('histograms') as Iterable<[Key, Histogram]>)]
  const [, histogram] = all.find(([key]) => key.address.slice(0, 4).join('.') === '127.0.0.1')!
  assert.ok(histogram.count > 0n)
  assert.is(BigInt(histogram.slots.reduce((sum, slot) => sum + slot, 0)), histogram.count)
  server.close()
})

interface Key {
  readonly address: number[]
}
interface Histogram {
  readonly count: bigint
  readonly slots: number[]
}

onKernel('filelife sees a file from its creation to its end', () => {
  using tool = attached('filelife')
  const path = `/tmp/bpfpin-short-lived-${process.pid}`
  writeFileSync(path, 'x')
  const { ino } = statSync(path)
  rmSync(path)
  const event = records(tool).find(one => textAt(one, 36) === path.slice('/tmp/'.length))
  assert.equal([event?.readBigUInt64LE(8), event?.readUInt32LE(16)], [BigInt(ino), process.pid])
  assert.ok(event!.readBigUInt64LE(0) > 0n)
})

onKernel('vfsstat counts what a process reads and writes', () => {
  using tool = attached('vfsstat')
  const path = `/tmp/bpfpin-vfsstat-${process.pid}`
  const fd = openSync(path, 'w+')
  for (let i = 0; i < 10; i++) writeSync(fd, 'ten bytes.')
  fsyncSync(fd)
  readFileSync(path)
  closeSync(fd)
  rmSync(path)
  const sum = (operation: number): Sum | undefined =>
    tool.maps.get('sums').get({ pid: process.pid, operation }) as Sum | undefined
  const [READ, WRITE, FSYNC, OPEN, UNLINK] = [0, 1, 2, 3, 4]
  assert.ok((sum(WRITE)?.calls ?? 0n) >= 10n && (sum(WRITE)?.bytes ?? 0n) >= 100n)
  assert.ok((sum(READ)?.bytes ?? 0n) >= 100n)
  for (const operation of [FSYNC, OPEN, UNLINK])
    assert.ok((sum(operation)?.calls ?? 0n) >= 1n, `${operation}`)
  assert.ok((variable(tool, 'calls') as bigint[])[WRITE]! >= 10n)
})

interface Sum {
  readonly calls: bigint
  readonly bytes: bigint
}

onKernel('bindsnoop sees which port is bound, and by which options', async () => {
  using tool = attached('bindsnoop', constants({ only_pid: process.pid }))
  const server = createServer()
  const port = await listening(server)
  const event = records(tool).find(one => one.readUInt16LE(12) === port)
  const [TCP, AF_INET, reuseAddress] = [6, 2, 4]
  assert.equal([event?.readInt32LE(4), event?.readUInt16LE(14), event?.[16]], [0, TCP, AF_INET])
  assert.is(event![17]! & 7, reuseAddress)
  assert.equal([...event!.subarray(34, 38)], [127, 0, 0, 1])
  server.close()
})

onKernel(
  'lsmpolicy keeps a file from being written and removed, and a process from being killed',
  async () => {
    const path = `/tmp/bpfpin-kept-${process.pid}`
    writeFileSync(path, 'as it was')
    const child = spawn('sleep', ['60'])
    {
      using tool = attached('lsmpolicy', constants({ protected_pid: child.pid! }))
      const { ino, dev } = statSync(path)
      // the kernel's numbers of devices have the major one in the upper 12 bits: include/linux/kdev_t.h
      const device = BigInt(((dev >> 8) << 20) | (dev & 0xff))
      tool.maps.get('kept_files').set({ inode: BigInt(ino), device }, 1)
      assert.throws(() => openSync(path, 'w'), /EPERM/)
      assert.throws(() => rmSync(path), /EPERM/)
      assert.throws(() => process.kill(child.pid!, 'SIGKILL'), /EPERM/)
      assert.is(readFileSync(path, 'utf8'), 'as it was')
      const [ON_OPEN, ON_KILL, ON_UNLINK] = [0, 2, 3]
      const seen = records(tool).filter(one => one.readUInt32LE(8) === process.pid)
      assert.equal(
        seen.map(one => one.readUInt32LE(12)),
        [ON_OPEN, ON_UNLINK, ON_KILL],
      )
      assert.is(textAt(seen[0]!, 36), path.slice('/tmp/'.length))
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(path)
  },
)

onKernel(
  'oomkill sees the victim of a cgroup that has too little memory, by a probe and by an event',
  async () => {
    writeFileSync(`${cgroups}/cgroup.subtree_control`, '+memory')
    const cgroup = `${cgroups}/bpfpin-oom-${process.pid}`
    mkdirSync(cgroup)
    writeFileSync(`${cgroup}/memory.max`, String(16 << 20))
    try {
      using tool = attached('oomkill', spec => {
        spec.programs.get('on_kill').autoload = true
      })
      const script = `echo $$ > ${cgroup}/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=100M count=1`
      const { pid, signal } = spawnSync('sh', ['-c', script], { stdio: 'ignore' })
      assert.is(signal, 'SIGKILL')
      const events = records(tool).filter(one => one.readUInt32LE(28) === pid)
      assert.is(events.length, 2)
      const [byProbe] = events.filter(one => one.readBigUInt64LE(0) > 0n)
      assert.is(textAt(byProbe!, 56), 'dd')
      // 16 MB are 4096 pages; there is no swap
      assert.is(byProbe!.readBigUInt64LE(0), 4096n)
    } finally {
      await eventually('the end of the group', () => {
        rmdirSync(cgroup)
        return true
      })
      writeFileSync(`${cgroups}/cgroup.subtree_control`, '-memory')
    }
  },
)

test.run()
