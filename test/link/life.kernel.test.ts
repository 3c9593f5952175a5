import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import { BpfLink } from '../../src/index.ts'
import { linkTypes } from '../../src/spec/kernel.ts'
import { objGet } from '../../src/syscall/index.ts'
import { cgroup, inCgroup, type Place, root, testLives } from './life.ts'

const openFiles = (): void => {
  for (let i = 0; i < 10; i++) readFileSync('/proc/self/stat')
}
const askForParent = (): void => {
  for (let i = 0; i < 10; i++) process.ppid
}
const spin = (): void => {
  for (const start = Date.now(); Date.now() < start + 200; );
}
const send = ({ network }: Place): Promise<void> => network.send(10)

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
async function sendThrough({ map }: Place): Promise<void> {
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

/** Reads the pin, if it is there. */
function walk(): void {
  const fd = objGet(`${root}/iter/links/on_task`)
  if (fd < 0) return
  using link = new BpfLink({ fd, name: 'on_task', program: 'on_task', target: undefined })
  link.read()
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

testLives({
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
  iter: {
    ...{ object: 'link-iter', program: 'on_task', counter: 'walked', fire: walk },
    shown: { type: 'iter', target_name: 'task' },
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
})

test.run()
