import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProgramSpec, parseTarget, type Target, targetText } from '../../src/index.ts'
import type { AttachType } from '../../src/spec/kernel.ts'
import { familyOf, matchSection, sectionNames } from '../../src/spec/sections.ts'
import { sectionTarget } from '../../src/spec/targets.ts'

/** As much of a program as targets depend on. */
function program(section: string, attachType?: AttachType): ProgramSpec {
  const rule = matchSection(section)
  const some = { name: 'prog', section, rule, attachType: attachType ?? rule?.attachType }
  return some as ProgramSpec // the functions that are tested look at nothing else
}

/** Text that a person writes for a program of a section, and the target that it means. */
const written: readonly [section: string, text: string, target: Target][] = [
  ['raw_tp', 'sys_enter', { hook: 'sys_enter' }],
  ['tracepoint', 'sched/sched_switch', { hook: 'sched/sched_switch' }],
  ['lsm', 'file_open', { hook: 'file_open' }],
  ['kprobe', 'do_unlinkat', { function: 'do_unlinkat' }],
  ['kprobe', 'nf_tables:nft_do_chain+0x10', { function: 'nf_tables:nft_do_chain', offset: 16 }],
  ['kprobe.multi', 'vfs_*', { functions: 'vfs_*' }],
  ['kprobe.multi', 'vfs_read,0xffffffff81000010', { functions: ['vfs_read', '0xffffffff81000010'] }],
  ['ksyscall', 'openat', { syscall: 'openat' }],
  ['uprobe', '/bin/bash:readline', { binary: '/bin/bash', symbol: 'readline' }],
  ['uprobe', 'libc.so.6:malloc+0x4', { binary: 'libc.so.6', symbol: 'malloc', offset: 4 }],
  ['uprobe', '/bin/bash:0x4710,pid=12', { binary: '/bin/bash', offset: 0x4710, pid: 12 }],
  ['uprobe', '/opt/a,b/c:type:.eq.x', { binary: '/opt/a,b/c', symbol: 'type:.eq.x' }],
  ['uprobe.multi', 'libc.so.6:pthread_*,malloc', { binary: 'libc.so.6', symbol: ['pthread_*', 'malloc'] }],
  ['uprobe.multi', '/bin/bash:0x10,0x20,pid=3', { binary: '/bin/bash', offset: [16, 32], pid: 3 }],
  ['usdt', 'libc.so.6:libc:setjmp', { usdt: 'libc:setjmp', binary: 'libc.so.6' }],
  ['usdt.s', '/usr/bin/a,b:python:line,pid=12', { usdt: 'python:line', binary: '/usr/bin/a,b', pid: 12 }],
  ['perf_event', 'cpu-clock,frequency=99,cpu=0', { event: 'cpu-clock', frequency: 99, cpu: 0 }],
  [
    'perf_event',
    '4:0x1a8,period=1000,pid=12',
    { event: { source: 4, config: 0x1a8 }, period: 1000, pid: 12 },
  ],
  ['perf_event', 'msr:0x0,cpu=1', { event: { source: 'msr', config: 0 }, cpu: 1 }],
  ['cgroup_skb/egress', '/sys/fs/cgroup/a,b=c', { cgroup: '/sys/fs/cgroup/a,b=c' }],
  ['lsm_cgroup/socket_bind', '/sys/fs/cgroup/web', { cgroup: '/sys/fs/cgroup/web' }],
  ['xdp', 'eth0', { interface: 'eth0' }],
  ['xdp', '7,mode=generic', { interface: 7, mode: 'generic' }],
  ['tcx/ingress', 'eth0.100', { interface: 'eth0.100' }],
  ['netkit/peer', 'nk0', { interface: 'nk0' }],
  ['sk_lookup', '/run/netns/blue', { netns: '/run/netns/blue' }],
  ['netfilter', 'ipv4:local_in', { netfilter: 'local_in', family: 'ipv4' }],
  [
    'netfilter',
    'ipv6:forward:-100,defrag',
    { netfilter: 'forward', family: 'ipv6', priority: -100, defrag: true },
  ],
  ['sk_msg', 'sockets', { map: 'sockets' }],
  ['freplace', '12:decide', { program: 12, function: 'decide' }],
  [
    'freplace/decide',
    '/sys/fs/bpf/router/programs/main:0',
    { program: '/sys/fs/bpf/router/programs/main:0' },
  ],
  ['iter/task', 'task', { iterator: 'task' }],
  ['iter/task', 'task,tid=9', { iterator: 'task', tid: 9 }],
  ['iter/bpf_map_elem', 'bpf_map_elem,map=flows', { iterator: 'bpf_map_elem', map: 'flows' }],
  [
    'iter/cgroup',
    'cgroup,cgroup=/sys/fs/cgroup/web,walk=ancestors_up',
    { iterator: 'cgroup', cgroup: '/sys/fs/cgroup/web', walk: 'ancestors_up' },
  ],
]

for (const [section, text, target] of written) {
  test(`SEC("${section}"): '${text}' is understood, and written as it was`, () => {
    assert.equal(parseTarget(program(section), text), target)
    assert.is(targetText(target), text)
  })
}

test('an iterator needs not be named again, and numbers may be decimal', () => {
  assert.equal(parseTarget(program('iter/task'), 'pid=12'), { iterator: 'task', pid: 12 })
  assert.equal(parseTarget(program('kprobe'), 'f+16'), { function: 'f', offset: 16 })
})

test('a program whose section leaves it to the attach type has the targets of that', () => {
  assert.equal(parseTarget(program('tc', 'tcx_egress'), 'eth0'), { interface: 'eth0' })
  assert.equal(parseTarget(program('sk_skb', 'sk_skb_verdict'), 'sockets'), { map: 'sockets' })
  assert.is(familyOf(program('tc')), undefined)
})

test('a program whose section name says nothing has the targets of its attach type', () => {
  const families: Partial<Record<AttachType, string | undefined>> = {
    ...{ xdp: 'xdp', netfilter: 'netfilter', sk_lookup: 'netns', flow_dissector: 'netns' },
    ...{ trace_fentry: 'tracing', lsm_mac: 'tracing', lsm_cgroup: 'lsm_cgroup', trace_iter: 'iter' },
    ...{ cgroup_inet_egress: 'cgroup', cgroup_sock_ops: 'cgroup', sk_msg_verdict: 'sockmap' },
    ...{ trace_kprobe_multi: 'kprobe_multi', trace_uprobe_session: 'uprobe_multi' },
    // other programs call these
    ...{ xdp_devmap: undefined, xdp_cpumap: undefined },
  }
  for (const [attachType, family] of Object.entries(families)) {
    // the keys are those of the table above
    assert.is(familyOf({ rule: undefined, attachType: attachType as AttachType }), family, attachType)
  }
  assert.equal(parseTarget(program('my_section', 'xdp'), 'eth0'), { interface: 'eth0' })
})

test('no attach type is that of two families', () => {
  for (const section of sectionNames()) {
    const { family, attachType } = matchSection(section)!
    if (family && attachType) assert.is(familyOf({ rule: undefined, attachType }), family, section)
  }
})

/** Section names that say all, and what they say. */
const sections: readonly [section: string, target: Target | undefined][] = [
  ['raw_tp/sys_enter', { hook: 'sys_enter' }],
  ['fentry.s/security_file_open', { hook: 'security_file_open' }],
  ['tp/syscalls/sys_enter_openat', { hook: 'syscalls/sys_enter_openat' }],
  ['kretprobe/do_unlinkat', { function: 'do_unlinkat' }],
  ['uprobe//proc/self/exe:fired+8', { binary: '/proc/self/exe', symbol: 'fired', offset: 8 }],
  ['usdt//opt/app:shop:order', { usdt: 'shop:order', binary: '/opt/app' }],
  ['kprobe.session/vfs_*', { functions: 'vfs_*' }],
  ['iter/bpf_map_elem', { iterator: 'bpf_map_elem' }],
  ['kprobe', undefined],
  ['usdt', undefined],
  ['xdp', undefined],
  // these were needed at load
  ['freplace/decide', undefined],
  ['lsm_cgroup/socket_bind', undefined],
]

for (const [section, target] of sections) {
  test(`SEC("${section}") says ${target ? 'where to attach' : 'not where to attach'}`, () => {
    assert.equal(sectionTarget(program(section)), target)
  })
}

/** Text that is no target, and what the error says is one. */
const wrong: readonly [section: string, text: string, expected: RegExp][] = [
  ['raw_tp', '', /expected the name of a tracepoint/],
  ['tracepoint', 'sched_switch', /expected a tracepoint as 'category\/name'/],
  ['kprobe', 'a b', /expected a kernel function/],
  ['kprobe', 'f+x', /expected a kernel function/],
  ['kprobe.multi', 'a,,b', /expected kernel functions/],
  ['ksyscall', '__x64_sys_open*', /expected a system call/],
  ['uprobe', '/bin/bash', /expected a place in a program/],
  ['uprobe', ':main', /expected a place in a program/],
  ['usdt', '/opt/app:order', /expected a USDT probe as 'path:provider:name'/],
  ['usdt', '/opt/app:a:b:c', /expected a USDT probe/],
  ['perf_event', 'cpu-clocks', /expected an event/],
  ['perf_event', 'cpu-clock,speed=1', /expected an event/],
  ['cgroup/dev', '', /expected a cgroup directory/],
  ['xdp', 'eth0,mode=fast', /expected an interface/],
  ['tcx/egress', 'a/b', /expected an interface, as in 'eth0'$/],
  ['netfilter', 'ipv4:input', /expected a hook of netfilter/],
  ['netfilter', 'inet:local_in', /expected a hook of netfilter/],
  ['freplace/decide', 'relative/path', /expected a program by its id, pin or name/],
  ['fentry', 'two words', /expected the name of a hook, .* or a function of a program/],
  ['iter/task', 'map=', /expected what to walk over/],
  ['iter/cgroup', 'walk=sideways', /expected what to walk over/],
]

for (const [section, text, expected] of wrong) {
  test(`SEC("${section}"): '${text}' is refused, with what is expected`, () => {
    assert.throws(
      () => parseTarget(program(section), text),
      (error: { code: string; message: string }) =>
        error.code === 'ERR_VALUE' && error.message.includes(`'${text}'`) && expected.test(error.message),
    )
  })
}

test('a section that says what cannot be is refused by its name', () => {
  assert.throws(
    () => sectionTarget(program('kprobe/do unlinkat')),
    /SEC\("kprobe\/do unlinkat"\): expected a kernel function/,
  )
})

test('a program that no link attaches has no target', () => {
  for (const section of ['socket', 'syscall', 'struct_ops/x']) {
    assert.throws(() => parseTarget(program(section), 'x'), { code: 'ERR_NO_TARGET' } as never)
  }
})

test('what has no words of its own is said behind the target', () => {
  assert.is(targetText({ interface: 'eth0', before: { link: 3 } }), 'eth0 before link 3')
  assert.is(targetText({ cgroup: '/c', preorder: true, after: 'all' }), '/c in preorder after all others')
  assert.is(
    targetText({ cgroup: '/c', after: { program: '/sys/fs/bpf/p' } }),
    '/c after program /sys/fs/bpf/p',
  )
})

test('a target of a later version is shown as it is', () => {
  assert.is(targetText({ planet: 'mars' } as unknown as Target), '{"planet":"mars"}')
})

test.run()
