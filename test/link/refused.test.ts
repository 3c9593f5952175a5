// Targets and cookies that are refused before a kernel is asked, as it would take them for something else.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, type ProgramSpec, type Target } from '../../src/index.ts'
import { attachProgram, plannedLinks } from '../../src/link/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'

const programOf = (object: string, program: string, target?: Target): ProgramSpec => {
  const spec = openObject(fixture(object)).programs.get(program)
  spec.target = target
  return spec
}

const libc = { binary: 'libc.so.6', symbol: 'getppid' }
const clock = { event: 'cpu-clock', cpu: 0 } as const
const hook = { netfilter: 'local_in', family: 'ipv4' } as const

/** What a program without types could give. */
const unchecked = (target: object): Target => target as Target

const refused: readonly [object: string, program: string, target: Target, message: RegExp][] = [
  // perf_event_open would take 0 for the caller, BPF_LINK_CREATE for everybody
  ['link-user', 'on_place', { ...libc, pid: 0 }, /the target is for process 0/],
  ['link-user', 'on_many', { ...libc, pid: 0 }, /the target is for process 0/],
  ['link-user', 'on_many', { ...libc, pid: -1 }, /the target is for process -1/],
  ['usdt', 'on_probe', { usdt: 'a:b', binary: '/x', pid: 0 }, /the target is for process 0/],
  ['usdt', 'on_probe', { usdt: 'b', binary: '/x' }, /\{"usdt":"b","binary":"\/x"\} is no USDT probe/],
  ['usdt', 'on_probe', unchecked({ usdt: 'a:b' }), /\{"usdt":"a:b"\} is no USDT probe of a binary/],
  ['link-user', 'on_sample', { ...clock, period: 1, pid: 0 }, /the target is for process 0/],
  ['link-iter', 'on_task', { iterator: 'task', pid: 0 }, /the target is for process 0/],
  ['link-iter', 'on_task', { iterator: 'task', tid: 1.5 }, /the target is for process 1\.5/],
  // such an event counts and never overflows
  ['link-user', 'on_sample', { ...clock, period: 0 }, /the period or frequency of an event is 1 or more/],
  ['link-user', 'on_sample', { ...clock, frequency: 0 }, /the period or frequency of an event is 1 or more/],
  // the parameters of iterators are one union: the descriptor of a map would be a thread
  ['link-iter', 'on_task', { iterator: 'task', map: 'flows' }, /an iterator over 'task' has no 'map'/],
  ['link-iter', 'on_task', { iterator: 'task', cgroup: '/' }, /an iterator over 'task' has no 'cgroup'/],
  ['link-iter', 'on_cgroup', { iterator: 'cgroup', pid: 1 }, /an iterator over 'cgroup' has no 'pid'/],
  ['link-iter', 'on_map', { iterator: 'bpf_map', tid: 1 }, /an iterator over 'bpf_map' has no 'tid'/],
  ['link-iter', 'on_task', { iterator: 'task', tid: 1, pid: 1 }, /or over one thread \('tid'\), not both/],
  ['link-iter', 'on_task', { iterator: 'task_file' }, /is loaded for 'task', not for 'task_file'/],
  ['link-kernel', 'on_entry', { hook: 'vfs_read' }, /loaded for 'security_file_open', not for 'vfs_read'/],
  // 2^32 would be cut to 0
  ['link-net', 'on_netfilter', { ...hook, priority: 2 ** 32 }, /priority 4294967296 .* is no 32-bit integer/],
  ['link-net', 'on_netfilter', { ...hook, priority: 0.5 }, /priority 0\.5 .* is no 32-bit integer/],
  ['links', 'on_tcx', { interface: 2 ** 32 + 1 }, /4294967297 is no index of an interface/],
  ['links', 'on_xdp', { interface: 1.5 }, /1\.5 is no index of an interface/],
  ['links', 'on_xdp', { interface: 0 }, /0 is no index of an interface/],
  // what is not known would be no mode at all, and the first of hooks
  ['links', 'on_xdp', unchecked({ interface: 'lo', mode: 'fast' }), /XDP has no mode 'fast'/],
  ['link-net', 'on_netfilter', unchecked({ ...hook, netfilter: 'in' }), /netfilter has no hook 'ipv4:in'/],
  ['link-net', 'on_netfilter', unchecked({ ...hook, family: 'ip' }), /netfilter has no hook 'ip:local_in'/],
  // an anchor is a link or a program, and not both or nothing
  [
    'links',
    'on_tcx',
    unchecked({ interface: 'lo', before: {} }),
    /^\{\} is nothing to be .* before or after/,
  ],
  ['links', 'on_tcx', unchecked({ interface: 'lo', after: 'x' }), /^"x" is nothing to be .* before or after/],
  ['links', 'on_tcx', unchecked({ interface: 'lo', before: { link: {} } }), /^\{"link":\{\}\} is nothing/],
  ['links', 'on_tcx', { interface: 'lo', before: { program: 0 } }, /^\{"program":0\} is nothing/],
  // what is no object
  ['links', 'on_xdp', 'lo' as unknown as Target, /attached to .*, not to "lo", which is no target/],
  ['links', 'on_cgroup', 7 as unknown as Target, /attached to .*, not to 7, which is no target/],
  ['links', 'on_xdp', unchecked({}), /not to \{\}, which is no target/],
]

for (const [object, program, target, message] of refused) {
  test(`${program} on ${JSON.stringify(target)} is refused: ${message.source}`, () => {
    const error = failure(() => plannedLinks(programOf(object, program, target)))
    assert.is(error.code, 'ERR_VALUE')
    assert.match(error.message, message)
  })
}

test('a program whose section names no hook is for one hook only, that of its first target', () => {
  const spec = programOf('link-kernel', 'on_hook')
  spec.targets = { one: { hook: 'vfs_read' }, two: { hook: 'vfs_read' } }
  assert.equal(
    plannedLinks(spec).map(({ target }) => target),
    [{ hook: 'vfs_read' }, { hook: 'vfs_read' }],
  )
  spec.targets = { one: { hook: 'vfs_read' }, two: { hook: 'vfs_write' } }
  assert.match(failure(() => plannedLinks(spec)).message, /is loaded for 'vfs_read', not for 'vfs_write'/)
})

test('an empty list of functions is no target: it is said what is wanted', () => {
  const wants = (program: string, object: string, target: Target): string | undefined =>
    plannedLinks(programOf(object, program, target))[0]?.wants
  assert.is(wants('on_many', 'link-kernel', { functions: [] }), 'names or patterns of kernel functions')
  assert.is(
    wants('on_many', 'link-user', { binary: 'libc.so.6', symbol: [] }),
    'symbols or offsets in the program',
  )
})

test('a cookie that is no 64-bit number, or that the link cannot carry, is refused', () => {
  for (const cookie of [-1n, 2n ** 64n, 7 as unknown as bigint]) {
    const spec = programOf('link-user', 'on_place', libc)
    spec.link.cookie = cookie
    const error = failure(() => attachProgram({ spec, fd: -1 }))
    assert.is(error.code, 'ERR_VALUE')
    assert.match(error.message, `its cookie is ${cookie}; a cookie is a bigint from 0n to`)
  }
  const spec = programOf('link-net', 'on_xdp', { interface: 1 })
  spec.link.cookie = 1n
  assert.match(failure(() => attachProgram({ spec, fd: -1 })).message, /carries no cookie/)
})

test('a revision that the kernel takes for any is refused', () => {
  for (const revision of [0, -1, 0.5, Number.NaN]) {
    const spec = programOf('link-net', 'on_ingress', { interface: 1, revision })
    const error = failure(() => attachProgram({ spec, fd: -1 }))
    assert.is(error.code, 'ERR_VALUE')
    assert.match(error.message, `${revision} is no revision of a list`)
  }
})

test('paths in a target are kept as every process finds them', () => {
  const kept = (object: string, program: string, target: Target): Target | undefined =>
    plannedLinks(programOf(object, program, target))[0]?.target
  const here = process.cwd()
  assert.equal(kept('link-net', 'on_ingress', { interface: 'a', before: { link: 'pins/b' } }), {
    interface: 'a',
    before: { link: `${here}/pins/b` },
  })
  assert.equal(kept('link-cgroup', 'on_one', { cgroup: 'a', after: { link: 7 } }), {
    cgroup: `${here}/a`,
    after: { link: 7 },
  })
  assert.equal(kept('link-replace', 'decide_better', { program: 'pins/b' }), {
    program: `${here}/pins/b`,
    function: 'decide',
  })
})

test.run()
