import { mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseBtf } from '../../src/btf/index.ts'
import { attachTypes, linkTypes, programTypes } from '../../src/spec/uapi.generated.ts'
import {
  closeFd,
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

needs(test, 'bpftool')('a typed raw tracepoint knows the type it is attached to', () => {
  const target = vmlinux.find('btf_trace_sched_switch', 'typedef')!.id
  const fd = program('tracing', { expectedAttachType: attachTypes.trace_raw_tp, attachBtfId: target })
  const { info, shown } = inspect(rawTracepointOpen(null, fd), fd)
  assert.ok(info.kind === 'tracing' && info.attachType === attachTypes.trace_raw_tp)
  assert.equal([info.targetObjId, info.targetBtfId], [shown.target_obj_id, shown.target_btf_id])
  assert.is(info.targetBtfId, target)
})

needs(
  test,
  'bpftool',
  '/sys/fs/cgroup/cgroup.procs',
)('a cgroup is known by its inode, and its death by 0', () => {
  const path = `/sys/fs/cgroup/bpfpin-test-${process.pid}`
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
  const after = linkInfo(kept) as LinkInfo
  assert.ok(after.kind === 'cgroup' && after.cgroupId === 0)
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
  '/sys/bus/event_source/devices/tracepoint/type',
  'linux 6.6',
)('a perf event has the name of its tracepoint, and its cookie', () => {
  const id = Number(readFileSync(join(tracefs(), 'events/syscalls/sys_enter_getpgid/id'), 'utf8'))
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
  assert.equal([info.name, info.cookie], ['sys_enter_getpgid', cookie])
  closeFd(event)
})

function tracefs(): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const mount = mounts.map(line => line.split(' ')).find(([, , type]) => type === 'tracefs')
  return mount?.[1] ?? '/sys/kernel/tracing'
}

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

test('a link that is pinned outlives its descriptor', () => {
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

test('a hook that takes no such program says EINVAL', () => {
  const fd = program('xdp', { instructions: returning(2) })
  assert.is(linkCreate({ fd, target: loopback, attachType: attachTypes.cgroup_inet_egress }), -22)
  assert.is(rawTracepointOpen('sys_enter', fd), -22)
  closeFd(fd)
})

test.run()
