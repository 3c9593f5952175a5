// Each family of links from attaching to unpinning: attached and pinned by a process that ended, at work without it, found
// by its pin, gone after unpinning.
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { release } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, openMap, type Target } from '../../src/index.ts'
import { linkTypes } from '../../src/spec/kernel.ts'
import { fixture } from '../fixtures.ts'
import { isAtLeast, needs } from '../requirements.ts'
import { type Job, type Report, specOf } from './job.ts'
import { Network } from './network.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const cgroup = `${cgroups}/bpfpin-life-${process.pid}`
const attacher = new URL('./attacher.ts', import.meta.url).pathname

interface Life {
  readonly object: string
  readonly program: string
  readonly counter: string
  /** The first kernel that has the family. */
  readonly since?: string
  readonly target?: Target
  /** Does it attach where the process is? */
  readonly inNetwork?: boolean
  /** A map of the object that `fire` needs. */
  readonly map?: string
  /** Makes ten events or more. */
  readonly fire: (map: BpfMap | undefined) => unknown
  /** What bpftool says of the link, besides its program. */
  readonly shown: Record<string, unknown>
}

const openFiles = (): void => {
  for (let i = 0; i < 10; i++) readFileSync('/proc/self/stat')
}
const askForParent = (): void => {
  for (let i = 0; i < 10; i++) process.ppid
}
const spin = (): void => {
  for (const start = Date.now(); Date.now() < start + 200; );
}
const send = (): Promise<void> => network.send(10)

/** As a process of the cgroup. */
async function inCgroup(fire: () => Promise<void>): Promise<void> {
  writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))
  await fire()
  writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
}

async function sendHere(): Promise<void> {
  const socket = createSocket('udp4')
  for (let i = 0; i < 10; i++) await new Promise(resolve => socket.send('x', 9, '127.0.0.1', resolve))
  socket.close()
}

/** Two ends of one connection, to be closed. */
async function connectHere(): Promise<Socket[]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [Socket]
  server.close()
  return [client, peer]
}

async function connectOften(): Promise<void> {
  for (let i = 0; i < 10; i++) for (const socket of await connectHere()) socket.destroy()
}

/** Messages through a connection whose ends are in the map. */
async function sendThrough(map: BpfMap | undefined): Promise<void> {
  const sockets = await connectHere()
  for (const [key, socket] of sockets.entries()) {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle // node has no other way
    map?.set(key, new Uint8Array(new Uint32Array([fd]).buffer))
  }
  for (let i = 0; i < 20; i++) {
    sockets[0]?.write('x')
    await setTimeout(2)
  }
  for (const socket of sockets) socket.destroy()
}

const onUser = { object: 'link-user', fire: askForParent }
const onNet = { object: 'link-net', inNetwork: true, fire: send }
const onCgroup = { object: 'link-cgroup', target: { cgroup } }
const onSock = {
  object: 'link-sock',
  since: '6.10',
  map: 'sockets',
  target: { map: 'sockets' },
  fire: sendThrough,
}
const syscalls = { object: 'links', fire: openFiles }

/** bpftool is older than some families, and gives their number. */
const lives: Readonly<Record<string, Life>> = {
  raw_tp: { ...syscalls, program: 'on_raw', counter: 'raw_events', shown: { type: 'raw_tracepoint' } },
  tp_btf: { ...syscalls, program: 'on_btf', counter: 'btf_events', shown: { type: 'raw_tracepoint' } },
  tracepoint: { ...syscalls, program: 'on_point', counter: 'point_events', shown: { type: 'perf_event' } },
  perf_event: {
    ...{ object: 'link-user', program: 'on_sample', counter: 'samples', shown: { type: 'perf_event' } },
    ...{ target: { event: 'cpu-clock', period: 1_000_000, cpu: 0 }, fire: spin },
  },
  uprobe: { ...onUser, program: 'on_call', counter: 'calls', shown: { type: 'perf_event' } },
  uretprobe: { ...onUser, program: 'on_return', counter: 'returns', shown: { type: 'perf_event' } },
  'uprobe.multi': {
    ...{ ...onUser, since: '6.6', program: 'on_many', counter: 'many' },
    shown: { type: linkTypes.uprobe_multi },
  },
  'uretprobe.multi': {
    ...{ ...onUser, since: '6.6', program: 'on_many_returns', counter: 'many_returns' },
    shown: { type: linkTypes.uprobe_multi },
  },
  'uprobe.session': {
    ...{ ...onUser, since: '6.13', program: 'on_both', counter: 'both' },
    shown: { type: linkTypes.uprobe_multi },
  },
  cgroup: {
    ...{ ...onCgroup, program: 'on_one', counter: 'order', fire: () => inCgroup(sendHere) },
    shown: { type: 'cgroup', attach_type: 'cgroup_inet_egress' },
  },
  sockops: {
    ...{ ...onCgroup, program: 'on_socket', counter: 'events', fire: () => inCgroup(connectOften) },
    shown: { type: 'cgroup', attach_type: 'cgroup_sock_ops' },
  },
  xdp: {
    ...{ ...onNet, program: 'on_xdp', counter: 'xdp_packets', target: { interface: 'lo' } },
    shown: { type: 'xdp' },
  },
  'tcx/ingress': {
    ...{
      ...onNet,
      since: '6.6',
      program: 'on_ingress',
      counter: 'ingress_packets',
      target: { interface: 'lo' },
    },
    shown: { type: linkTypes.tcx },
  },
  'tcx/egress': {
    ...{ ...onNet, since: '6.6', program: 'on_egress', counter: 'egress_packets', target: { interface: 1 } },
    shown: { type: linkTypes.tcx },
  },
  netfilter: {
    ...{ ...onNet, since: '6.4', program: 'on_netfilter', counter: 'netfilter_packets' },
    ...{
      target: { netfilter: 'local_out', family: 'ipv4', priority: -100 },
      shown: { type: linkTypes.netfilter },
    },
  },
  sk_lookup: {
    ...{ ...onNet, program: 'on_lookup', counter: 'lookups' },
    shown: { type: 'netns', attach_type: 'sk_lookup' },
  },
  flow_dissector: {
    ...{ ...onNet, program: 'on_flow', counter: 'dissections' },
    shown: { type: 'netns', attach_type: 'flow_dissector' },
  },
  sk_msg: { ...onSock, program: 'on_message', counter: 'messages', shown: { type: linkTypes.sockmap } },
  'sk_skb/stream_verdict': {
    ...{ ...onSock, program: 'on_verdict', counter: 'verdicts' },
    shown: { type: linkTypes.sockmap },
  },
}

const jobOf = (name: string, { object, program, target }: Life): Job => {
  return { name, path: fixture(object), program, target, pid: process.pid }
}

let network: Network
let report: Report

test.before(async () => {
  mkdirSync(cgroup)
  network = await Network.make()
  const here = Object.entries(lives).filter(
    ([, { since }]) => !since || isAtLeast(release(), `linux ${since}`),
  )
  const jobs = (inNetwork: boolean): string => {
    const some = here.filter(([, life]) => (life.inNetwork ?? false) === inNetwork)
    return JSON.stringify(some.map(([name, life]) => jobOf(name, life)))
  }
  const [node, ...args] = [process.execPath, ...process.execArgv, attacher, root]
  report = {
    ...JSON.parse(network.run(node!, ...args, jobs(true))),
    ...JSON.parse(execFileSync(node!, [...args, jobs(false)], { encoding: 'utf8' })),
  }
})

test.after(async () => {
  await network.close()
  rmdirSync(cgroup)
})

for (const [family, life] of Object.entries(lives)) {
  const requirements = ['root', 'ip', 'nsenter', 'bpftool', ...(life.since ? [`linux ${life.since}`] : [])]
  needs(test, ...requirements)(
    `${family}: attached by a process that ended, works, is found by its pin, is gone after unpin`,
    () => live(family, life),
  )
}

async function live(family: string, life: Life): Promise<void> {
  assert.type(report[family], 'number', `${report[family]}`)
  const { program, counter, map: mapName, fire, shown } = life
  const spec = specOf(jobOf(family, life), root)
  // nobody holds anything of it now, but its map
  using map = mapName === undefined ? undefined : openMap(`${spec.pinPath}/maps/${mapName}`)
  await fire(map)
  using object = spec.upgrade()
  const count = (): bigint => object.variables.get(counter).get() as bigint // they are u64
  assert.ok(count() >= 10n, `${count()} events`)

  const link = object.links.get(program)
  assert.is(link.id, report[family])
  assert.ok(link.alive)
  const seen = JSON.parse(
    execFileSync('bpftool', ['--json', 'link', 'show', 'id', String(link.id)], { encoding: 'utf8' }),
  )
  assert.is(seen.prog_id, object.programs.get(program).id)
  for (const [key, value] of Object.entries(shown)) assert.is(seen[key], value, key)

  object.unpin()
  await eventually(async () => {
    const before = count()
    await fire(map)
    return count() === before
  })
}

/** Detaching goes on in the kernel after the last pin is gone. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (await isSo()) return
    await setTimeout(20)
  }
  assert.unreachable('it goes on')
}

test.run()
