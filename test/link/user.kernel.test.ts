// Probes of programs and libraries, and samples.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, realpathSync } from 'node:fs'
import { getPriority } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type Target } from '../../src/index.ts'
import { isAttached } from '../../src/link/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root')
const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** One program of the fixture, loaded. */
function loaded(
  program: string,
  target?: Target,
  options: { cookie?: bigint; pid?: number } = {},
): BpfObject {
  const spec = openObject(fixture('link-user'), { root })
  spec.variables.get('only_pid').set(options.pid ?? process.pid)
  for (const one of spec.programs) one.autoload = one.name === program
  const only = spec.programs.get(program)
  only.target = target
  if (options.cookie !== undefined) only.link.cookie = options.cookie
  return spec.load()
}

const attached = (...args: Parameters<typeof loaded>): BpfObject => {
  const object = loaded(...args)
  object.attach()
  return object
}

const askForParent = (): void => {
  for (let i = 0; i < 10; i++) process.ppid
}

const value = (object: BpfObject, name: string): unknown => object.variables.get(name).get()

onKernel('a probe sees each call and hands its cookie to the program', () => {
  using object = attached('on_call', undefined, { cookie: 0x1234_5678_9abc_def0n })
  askForParent()
  assert.is(value(object, 'calls'), 10n)
  assert.is(value(object, 'call_cookie'), 0x1234_5678_9abc_def0n)
  assert.equal(object.links.get('on_call').target, { binary: 'libc.so.6', symbol: 'getppid' })
})

onKernel('a place in the file is as good as the name of the function there', () => {
  const symbol = { binary: realpathSync(process.execPath), symbol: 'uv_os_getppid' }
  using byName = attached('on_place', symbol)
  const info = byName.links.get('on_place').info()
  // before 6.6 the kernel does not say
  const offset = info.kind === 'perf_event' && info.event === 'uprobe' ? info.offset : undefined
  askForParent()
  assert.is(value(byName, 'places'), 10n)
  if (offset === undefined) return
  using byOffset = attached('on_place', { binary: symbol.binary, offset })
  askForParent()
  assert.is(value(byOffset, 'places'), 10n)
  assert.is(value(byName, 'places'), 20n)
})

onKernel('a binary of this process is kept by its real path', () => {
  using object = attached('on_place', { binary: '/proc/self/exe', symbol: 'uv_os_getppid' })
  assert.equal(object.links.get('on_place').target, {
    binary: realpathSync(process.execPath),
    symbol: 'uv_os_getppid',
  })
})

onKernel('a probe of one process sees no other, and is dead with it', async () => {
  const script = 'process.stdin.on("data", () => console.log(process.ppid))'
  const other = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { pid } = other
  try {
    using object = attached('on_place', { binary: 'libc.so.6', symbol: 'getppid', pid: pid! }, { pid: 0 })
    const link = object.links.get('on_place')
    askForParent()
    assert.is(value(object, 'places'), 0n)
    other.stdin.write('x')
    await once(other.stdout, 'data')
    assert.is(value(object, 'places'), 1n)
    assert.ok(link.alive)
    other.kill()
    await once(other, 'exit')
    assert.not(link.alive)
  } finally {
    other.kill()
  }
})

needs(
  test,
  'root',
  'linux 6.8',
)('a link for a process that ended is dead, also where another has its number', async () => {
  const other = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] })
  const place = { binary: 'libc.so.6', symbol: 'getppid' }
  using object = attached('on_many', { ...place, pid: other.pid! })
  const link = object.links.get('on_many')
  assert.ok(link.alive)
  other.stdin.end()
  await once(other, 'exit')
  assert.not(link.alive)
  // as if this process had the number now
  assert.not(isAttached(link.info(), { ...place, pid: process.pid }))
  using everywhere = attached('on_many', place)
  assert.ok(everywhere.links.get('on_many').alive)
})

needs(
  test,
  'root',
  'linux 6.6',
)('one link probes all functions that match, each with the cookie', () => {
  using object = attached(
    'on_many',
    { binary: 'libc.so.6', symbol: ['getpp*', 'getpriority'] },
    { cookie: 7n },
  )
  askForParent()
  for (let i = 0; i < 5; i++) getPriority()
  assert.is(value(object, 'many'), 15n)
  assert.is(value(object, 'many_cookie'), 7n)
  const info = object.links.get('on_many').info()
  assert.is(info.kind, 'uprobe_multi')
  // before 6.8 the kernel does not say how many they are
  if (info.kind === 'uprobe_multi' && info.count > 0) assert.is(info.count, 2)
})

needs(
  test,
  'root',
  'linux 6.13',
)('a session runs at both ends of a call', () => {
  using object = attached('on_both')
  askForParent()
  assert.is(value(object, 'both'), 20n)
})

onKernel('samples come at the frequency that was asked for, of a CPU or of a process', () => {
  const samples = (object: BpfObject): number => Number(value(object, 'samples'))
  using rarely = attached('on_sample', { event: 'cpu-clock', frequency: 50, cpu: 0 })
  using often = attached('on_sample', { event: 'cpu-clock', frequency: 1000, cpu: 0 }, { cookie: 5n })
  const before = [samples(often), samples(rarely)] as const
  while (samples(rarely) < before[1] + 10);
  // 20 times as many: an emulator loses some of them, and a frequency taken for a period gives as many of both
  const counts = [samples(often) - before[0], samples(rarely) - before[1]] as const
  assert.ok(counts[0] > 3 * counts[1] && counts[0] < 60 * counts[1], counts.join(' and '))
  assert.is(value(often, 'sample_cookie'), 5n)
  using ofProcess = attached('on_sample', { event: 'task-clock', period: 1_000_000, pid: process.pid })
  while (samples(ofProcess) < 10);
})

onKernel('a probe or sample that does not say all is left out, and named with what it lacks', () => {
  const lacks = (...args: Parameters<typeof loaded>): string | undefined => {
    using object = attached(...args)
    return object.unattached[0]?.wants
  }
  assert.is(lacks('on_place'), "a place in a program ('path:symbol')")
  assert.is(lacks('on_place', { binary: '/bin/sh' }), 'a symbol or an offset in the program')
  assert.is(lacks('on_sample'), "an event ('cpu-clock,frequency=99,cpu=0')")
  assert.is(lacks('on_sample', { event: 'cpu-clock', period: 1 }), 'a CPU or a process whose events count')
  assert.is(lacks('on_sample', { event: 'cpu-clock', cpu: 0 }), 'a period or a frequency')
})

/** What cannot be attached to, and why. */
const refused: readonly [program: string, target: Target, code: string, message: RegExp, hint?: RegExp][] = [
  [
    'on_place',
    { interface: 'lo' },
    'ERR_VALUE',
    /SEC\("uprobe"\)\) is attached to a place in a program.*not to 'lo'/,
  ],
  ['on_place', { binary: 'libc.so.6', symbol: ['a', 'b'] }, 'ERR_VALUE', /one place, not a list/],
  [
    'on_return',
    { binary: 'libc.so.6', symbol: 'getppid', offset: 4 },
    'ERR_VALUE',
    /uretprobe takes no offset/,
  ],
  [
    'on_place',
    { binary: 'libc.so.6', symbol: 'no_such' },
    'ERR_NO_TARGET',
    /libc\.so\.6 has no function 'no_such'/,
  ],
  ['on_place', { binary: 'libno.so', symbol: 'x' }, 'ENOENT', /there is no library 'libno\.so'/],
  [
    'on_place',
    { binary: 'libc.so.6', symbol: 'getppid', pid: 4194000 },
    'ESRCH',
    /perf_event_open/,
    /no such process/,
  ],
  [
    'on_sample',
    { event: 'cpu-clock', period: 1, frequency: 1, cpu: 0 },
    'ERR_VALUE',
    /a period or a frequency, not both/,
  ],
  [
    'on_sample',
    { event: 'cpu-clock', period: 1000, cpu: 4000 },
    'EINVAL',
    /attaching program 'on_sample' to 'cpu-clock,period=1000,cpu=4000'/,
  ],
  [
    'on_sample',
    { event: { source: 'no_such', config: 0 }, period: 1, cpu: 0 },
    'ERR_NO_TARGET',
    /no event source 'no_such'/,
  ],
]

for (const [program, target, code, message, hint] of refused) {
  onKernel(`${program} on ${JSON.stringify(target)} is refused: ${message.source}`, () => {
    using object = loaded(program, target)
    const error = failure(() => object.attach())
    assert.is(error.code, code)
    assert.match(error.message, message)
    if (hint) assert.match(error.hint ?? '', hint)
    assert.is(object.links.size, 0)
  })
}

needs(
  test,
  'root',
  'linux 6.6',
)('of a link to many places a kernel that does not know their path tells what it knows', () => {
  using object = attached('on_many')
  const link = object.links.get('on_many')
  const { id, progId } = link.info()
  // Linux 6.6 and 6.7: what is asked for lies behind the end of their struct bpf_link_info, which must be zero
  let asked = 0
  interceptSyscalls(({ name }) => (name === 'bpf(BPF_OBJ_GET_INFO_BY_FD)' && ++asked === 2 ? -7 : undefined))
  try {
    const info = link.info()
    assert.equal([info.id, info.progId, info.kind], [id, progId, 'uprobe_multi'])
    assert.is(info.kind === 'uprobe_multi' && info.path, '')
  } finally {
    interceptSyscalls(undefined)
  }
})

onKernel(
  'where the kernel has no link for it, a probe works while it is open, and says why it cannot be pinned',
  () => {
    using object = loaded('on_call')
    // Linux before 5.15
    interceptSyscalls(({ name }) => (name === 'bpf(BPF_LINK_CREATE)' ? -22 : undefined))
    try {
      object.attach()
    } finally {
      interceptSyscalls(undefined)
    }
    const link = object.links.get('on_call')
    assert.match(link.unpinnable ?? '', /Linux 5\.15/)
    assert.equal([link.id, link.type, link.alive, link.detach()], [0, 'perf_event', true, false])
    askForParent()
    assert.is(value(object, 'calls'), 10n)

    const error = failure(() => object.pin())
    assert.is(error.code, 'ERR_UNPINNABLE')
    assert.match(error.message, /link 'on_call' cannot be pinned: .*Linux 5\.15/)
    assert.equal(readdirSync(root), [])
    object.programs.get('on_call').spec!.link.pinPath = null
    object.pin()
    object.unpin()

    assert.ok(link.closed)
    askForParent()
    assert.is(value(object, 'calls'), 10n)
  },
)

onKernel('with a cookie there is no such way: it is said which kernel has one', () => {
  using object = loaded('on_call', undefined, { cookie: 1n })
  interceptSyscalls(({ name }) => (name === 'bpf(BPF_LINK_CREATE)' ? -22 : undefined))
  try {
    assert.is(failure(() => object.attach()).code, 'EINVAL')
  } finally {
    interceptSyscalls(undefined)
  }
})

test.run()
