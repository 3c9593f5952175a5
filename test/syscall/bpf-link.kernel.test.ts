import { mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'
import { attachTypes, linkTypes, programTypes } from '../../src/spec/uapi.generated.ts'
import { at, u8, u32 } from '../../src/syscall/arena.ts'
import {
  closeFd,
  interceptSyscalls,
  iterCreate,
  type LinkInfo,
  linkCreate,
  linkDetach,
  linkInfo,
  linkUpdate,
  objectKind,
  objPin,
  openFile,
  openFlag,
  type ProgLoadOptions,
  perfEventDisable,
  perfEventEnable,
  perfEventOpen,
  perfEventSetBpf,
  progInfo,
  progLoad,
  rawTracepointOpen,
  unlinkFile,
} from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { bpftool, opened, returning } from './bpftool.ts'

const vmlinux = parseBtf(readFileSync('/sys/kernel/btf/vmlinux'))
const loopback = 1

function program(type: keyof typeof programTypes, more: Partial<ProgLoadOptions> = {}): number {
  return opened(
    progLoad({
      type: programTypes[type],
      instructions: returning(0),
      license: 'GPL',
      name: type.slice(0, 15),
      ...more,
    }),
  )
}

function idOf(programFd: number): number {
  const info = progInfo(programFd)
  return typeof info === 'number' ? info : info.id
}

/** What we read of a link and what bpftool reads; closes both descriptors. */
function inspect(link: number, programFd: number): { info: LinkInfo; shown: Record<string, unknown> } {
  const info = linkInfo(opened(link))
  if (typeof info === 'number') throw new Error(`errno ${-info}`)
  assert.is(objectKind(link), 'link')
  assert.is(info.progId, idOf(programFd))
  const shown = bpftool('link', 'show', 'id', String(info.id))
  assert.is(info.id, shown.id)
  assert.is(info.progId, shown.prog_id)
  closeFd(link)
  closeFd(programFd)
  return { info, shown }
}

needs(test, 'bpftool')('a raw tracepoint has its name', () => {
  const fd = program('raw_tracepoint')
  const { info, shown } = inspect(rawTracepointOpen('sys_enter', fd), fd)
  assert.is(info.type, linkTypes.raw_tracepoint)
  assert.ok(info.kind === 'raw_tracepoint' && info.name === 'sys_enter' && info.name === shown.tp_name)
})

needs(test, 'bpftool')('a typed raw tracepoint is a raw tracepoint to the kernel', () => {
  const target = vmlinux.find('btf_trace_sched_switch', 'typedef')!.id
  const fd = program('tracing', { expectedAttachType: attachTypes.trace_raw_tp, attachBtfId: target })
  const { info, shown } = inspect(rawTracepointOpen(null, fd), fd)
  assert.ok(info.kind === 'raw_tracepoint' && info.name === 'sched_switch' && info.name === shown.tp_name)
})

needs(test, 'bpftool')('a cgroup is known by its inode, and its death by 0', async () => {
  const path = join(process.env.BPFPIN_TEST_CGROUP!, `bpfpin-test-${process.pid}`)
  mkdirSync(path)
  const cgroup = opened(openFile(path, openFlag.RDONLY))
  const fd = program('cgroup_skb', {
    expectedAttachType: attachTypes.cgroup_inet_egress,
    instructions: returning(1),
  })
  const link = linkCreate({ fd, target: cgroup, attachType: attachTypes.cgroup_inet_egress })
  const kept = opened(link)
  const before = linkInfo(kept) as LinkInfo // the link was opened
  assert.ok(before.kind === 'cgroup' && before.cgroupId === statSync(path).ino)
  const shown = bpftool('link', 'show', 'id', String(before.id))
  assert.equal([before.cgroupId, before.progId], [shown.cgroup_id, shown.prog_id])
  closeFd(cgroup)
  rmdirSync(path)
  const isDead = (): boolean => (linkInfo(kept) as { cgroupId?: number }).cgroupId === 0
  for (let tries = 0; tries < 100 && !isDead(); tries++) await sleep(20) // the kernel lets go of it later
  assert.ok(isDead())
  closeFd(kept)
  closeFd(fd)
})

needs(test, 'bpftool')('XDP is on an interface', () => {
  const fd = program('xdp', { instructions: returning(2) })
  const XDP_FLAGS_SKB_MODE = 2
  const link = linkCreate({ fd, target: loopback, attachType: attachTypes.xdp, flags: XDP_FLAGS_SKB_MODE })
  const { info, shown } = inspect(link, fd)
  assert.ok(info.kind === 'xdp' && info.ifindex === loopback)
  assert.is(info.type, linkTypes.xdp)
  assert.is(shown.type, 'xdp')
})

needs(
  test,
  'linux 6.6',
  'bpftool',
)('tcx is on an interface, in an order', () => {
  const BPF_F_BEFORE = 8
  const one = program('sched_cls', { expectedAttachType: attachTypes.tcx_ingress })
  const other = program('sched_cls', { expectedAttachType: attachTypes.tcx_ingress })
  const first = opened(linkCreate({ fd: one, target: loopback, attachType: attachTypes.tcx_ingress }))
  const stale = linkCreate({
    fd: other,
    target: loopback,
    attachType: attachTypes.tcx_ingress,
    flags: BPF_F_BEFORE,
    detail: { kind: 'tcx', expectedRevision: 999_999 },
  })
  assert.is(stale, -116, 'ESTALE: another revision')
  const second = linkCreate({
    fd: other,
    target: loopback,
    attachType: attachTypes.tcx_ingress,
    flags: BPF_F_BEFORE,
    detail: { kind: 'tcx', relative: one },
  })
  const { info } = inspect(second, other)
  assert.ok(info.kind === 'tcx' && info.ifindex === loopback && info.attachType === attachTypes.tcx_ingress)
  closeFd(first)
  closeFd(one)
})

needs(test, 'bpftool')('a network namespace is known by its inode', () => {
  const fd = program('sk_lookup', { expectedAttachType: attachTypes.sk_lookup, instructions: returning(1) })
  const netns = opened(openFile('/proc/self/ns/net', openFlag.RDONLY))
  const { info, shown } = inspect(linkCreate({ fd, target: netns, attachType: attachTypes.sk_lookup }), fd)
  assert.ok(info.kind === 'netns' && info.netnsInode === statSync('/proc/self/ns/net').ino)
  assert.is(info.netnsInode, shown.netns_ino)
  closeFd(netns)
})

needs(test, 'bpftool')('an iterator has the name of what it walks, and is read from a file', () => {
  const target = vmlinux.find('bpf_iter_bpf_map', 'func')!.id
  const fd = program('tracing', { expectedAttachType: attachTypes.trace_iter, attachBtfId: target })
  const link = opened(linkCreate({ fd, attachType: attachTypes.trace_iter }))
  const file = opened(iterCreate(link))
  assert.is(readFileSync(file).length, 0)
  closeFd(file)
  const { info, shown } = inspect(link, fd)
  assert.ok(info.kind === 'iter' && info.targetName === 'bpf_map' && info.targetName === shown.target_name)
})

needs(
  test,
  'bpftool',
  'linux 6.6',
)('a perf event has the name of its tracepoint, and its cookie', () => {
  const id = Number(readFileSync('/sys/kernel/tracing/events/sched/sched_switch/id', 'utf8'))
  const PERF_TYPE_TRACEPOINT = 2
  const event = opened(
    perfEventOpen({ type: PERF_TYPE_TRACEPOINT, config: id, samplePeriod: 1, pid: -1, cpu: 0 }),
  )
  const fd = program('tracepoint')
  const cookie = 0xfedc_ba98_7654_3210n
  const detail = { kind: 'perf_event', cookie } as const
  const link = linkCreate({ fd, target: event, attachType: attachTypes.perf_event, detail })
  const { info } = inspect(link, fd)
  assert.ok(info.kind === 'perf_event' && info.event === 'tracepoint')
  assert.equal([info.name, info.cookie], ['sched_switch', cookie])
  closeFd(event)
})

needs(test, 'bpftool')('a link is updated to a new program, only from the one that is expected', () => {
  const netns = opened(openFile('/proc/self/ns/net', openFlag.RDONLY))
  const load = (): number =>
    program('sk_lookup', { expectedAttachType: attachTypes.sk_lookup, instructions: returning(1) })
  const [one, two, three] = [load(), load(), load()]
  const link = opened(linkCreate({ fd: one, target: netns, attachType: attachTypes.sk_lookup }))
  assert.is(linkUpdate(link, two), 0)
  assert.is(linkUpdate(link, three, one), -1, 'EPERM: it is another')
  assert.is(linkUpdate(link, three, two), 0)
  const info = linkInfo(link) as LinkInfo
  assert.is(info.progId, idOf(three))
  assert.is(linkDetach(link), 0)
  assert.is((linkInfo(link) as { netnsInode?: number }).netnsInode, 0)
  for (const fd of [one, two, three, link, netns]) closeFd(fd)
})

needs(test, 'bpftool')('a link that is pinned outlives its descriptor', () => {
  const path = join(process.env.BPFPIN_TEST_ROOT!, 'link')
  const fd = program('raw_tracepoint')
  const link = opened(rawTracepointOpen('sys_enter', fd))
  assert.is(objPin(link, path), 0)
  closeFd(link)
  const shown = (bpftool<{ prog_id: number }[]>('link', 'show') ?? []).map(({ prog_id }) => prog_id)
  assert.ok(shown.includes(idOf(fd)))
  assert.is(unlinkFile(path), 0)
  closeFd(fd)
})

test('an event runs a program without a link, on and off', () => {
  const PERF_TYPE_SOFTWARE = 1
  const PERF_COUNT_SW_CPU_CLOCK = 0
  const event = opened(
    perfEventOpen({
      type: PERF_TYPE_SOFTWARE,
      config: PERF_COUNT_SW_CPU_CLOCK,
      samplePeriod: 1e6,
      pid: -1,
      cpu: 0,
    }),
  )
  const fd = program('perf_event')
  assert.is(perfEventSetBpf(event, fd), 0)
  assert.is(perfEventEnable(event), 0)
  assert.is(perfEventDisable(event), 0)
  closeFd(event)
  closeFd(fd)
})

/** Families that few machines have: what the kernel would write, u32 by u32 from offset 16 on. */
const answers: [name: string, type: number, words: number[], expected: object][] = [
  [
    'fentry',
    linkTypes.tracing,
    [24, 5, 6, 0, 9, 0],
    { kind: 'tracing', attachType: 24, targetObjId: 5, targetBtfId: 6, cookie: 9 },
  ],
  ['struct_ops', linkTypes.struct_ops, [77], { kind: 'struct_ops', mapId: 77 }],
  [
    'netfilter',
    linkTypes.netfilter,
    [2, 3, -100 >>> 0, 1],
    { kind: 'netfilter', protocolFamily: 2, hook: 3, priority: -100, flags: 1 },
  ],
  [
    'kprobe_multi',
    linkTypes.kprobe_multi,
    [0, 0, 12, 1, 5, 0],
    { kind: 'kprobe_multi', count: 12, flags: 1, missed: 5 },
  ],
  [
    'uprobe_multi',
    linkTypes.uprobe_multi,
    [0, 0, 0, 0, 0, 0, 0, 0, 8, 3, 1, 44],
    { kind: 'uprobe_multi', path: '/bin/sh', count: 3, flags: 1, pid: 44 },
  ],
  ['netkit', linkTypes.netkit, [6, 54], { kind: 'netkit', ifindex: 6, attachType: 54 }],
  ['sockmap', linkTypes.sockmap, [7, 38], { kind: 'sockmap', mapId: 7, attachType: 38 }],
  [
    'a uprobe',
    linkTypes.perf_event,
    [1, 0, 0, 0, 8, 0x40, 3, 0],
    { kind: 'perf_event', event: 'uprobe', path: '/bin/sh', offset: 0x40, cookie: 3 },
  ],
  [
    'a kretprobe',
    linkTypes.perf_event,
    [4, 0, 0, 0, 8, 0, 0x1000, 1, 2, 0, 3, 0],
    {
      kind: 'perf_event',
      event: 'kretprobe',
      name: '/bin/sh',
      offset: 0,
      address: 0x1_0000_1000,
      missed: 2,
      cookie: 3,
    },
  ],
  [
    'a perf counter',
    linkTypes.perf_event,
    [6, 0, 1, 2, 4, 0, 8, 0],
    { kind: 'perf_event', event: 'event', perfType: 4, config: 0x2_0000_0001, cookie: 8 },
  ],
  ['a type of a newer kernel', 60, [1, 2, 3], { kind: 'unknown' }],
]

for (const [name, type, words, expected] of answers) {
  test(`what the kernel says of ${name} is decoded`, () => {
    interceptSyscalls(call => {
      if (call.name !== 'bpf(BPF_OBJ_GET_INFO_BY_FD)') return undefined
      u32.set([type, 11, 22, 0, ...words], at.result >> 2)
      u8.set(new TextEncoder().encode('/bin/sh\0'), at.list)
      return 0
    })
    const info = linkInfo(3)
    interceptSyscalls(undefined)
    assert.equal(info, { type, id: 11, progId: 22, ...expected })
  })
}

test('a hook that takes no such program says EINVAL', () => {
  const fd = program('xdp', { instructions: returning(2) })
  assert.is(linkCreate({ fd, target: loopback, attachType: attachTypes.cgroup_inet_egress }), -22)
  assert.is(rawTracepointOpen('sys_enter', fd), -22)
  closeFd(fd)
})

test.run()
