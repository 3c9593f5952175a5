import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, targetText } from '../../src/index.ts'
import { attachProgram } from '../../src/link/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { makeCalls } from '../calls.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const onKernel = needs(test, 'root')

/** The fixture with only some of its programs, counting this process. */
const links = (...programs: string[]) => {
  const spec = openObject(fixture('links'))
  spec.variables.get('only_pid').set(process.pid)
  for (const program of spec.programs) program.autoload = programs.includes(program.name)
  return spec
}

const shown = (id: number): Record<string, unknown> =>
  JSON.parse(execFileSync('bpftool', ['--json', 'link', 'show', 'id', String(id)], { encoding: 'utf8' }))

needs(
  test,
  'root',
  'bpftool',
)('a raw tracepoint, a typed one and a classic one see every event', () => {
  using object = links('on_raw', 'on_btf', 'on_point').load()
  object.attach()
  makeCalls(100)
  const counts = ['raw_events', 'btf_events', 'point_events'].map(
    name => object.variables.get(name).get() as bigint,
  )
  // a file is opened, read and closed for each
  for (const count of counts) assert.ok(count >= 300n, `${counts}`)
  const types = [...object.links].map(link => [
    link.name,
    link.type,
    link.target && targetText(link.target),
    shown(link.id).prog_id,
  ])
  const programs = object.programs
  assert.equal(types, [
    ['on_raw', 'raw_tracepoint', 'sys_enter', programs.get('on_raw').id],
    ['on_point', 'perf_event', 'raw_syscalls/sys_enter', programs.get('on_point').id],
    // the kernel makes the same kind of link for both
    ['on_btf', 'raw_tracepoint', 'sys_enter', programs.get('on_btf').id],
  ])
})

onKernel('a tracepoint is found where no tracefs is mounted, and none is mounted for it', () => {
  execFileSync('umount', ['/sys/kernel/tracing'])
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
  try {
    using object = links('on_point').load()
    object.attach()
    makeCalls(10)
    assert.ok((object.variables.get('point_events').get() as bigint) >= 30n)
    assert.is(readFileSync('/proc/self/mounts', 'utf8'), mounts)
  } finally {
    execFileSync('mount', ['-t', 'tracefs', 'tracefs', '/sys/kernel/tracing'])
  }
})

/** Sends datagrams to nobody, from a cgroup. */
async function sendFrom(cgroup: string, count: number): Promise<void> {
  writeFileSync(`${cgroup}/cgroup.procs`, String(process.pid))
  const socket = createSocket('udp4')
  try {
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve, reject) =>
        socket.send('x', 9, '127.0.0.1', error => (error ? reject(error) : resolve())),
      )
    }
  } finally {
    socket.close()
    writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
  }
}

needs(
  test,
  'root',
  'bpftool',
  'ip',
)('a cgroup program sees what leaves its cgroup, until that is gone', async () => {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  const cgroup = `${cgroups}/bpfpin-test-${process.pid}`
  mkdirSync(cgroup)
  const spec = links('on_cgroup')
  spec.programs.get('on_cgroup').target = { cgroup }
  using object = spec.load()
  object.attach()
  const link = object.links.get('on_cgroup')
  assert.is(link.type, 'cgroup')
  assert.equal(link.target, { cgroup })
  assert.is(shown(link.id).attach_type, 'cgroup_inet_egress')
  await sendFrom(cgroup, 5)
  assert.ok((object.variables.get('cgroup_packets').get() as bigint) >= 5n)
  assert.ok(link.alive)
  rmdirSync(cgroup)
  for (let tries = 0; link.alive && tries < 100; tries++)
    await new Promise(resolve => setTimeout(resolve, 10))
  assert.not(link.alive)
})

onKernel('a program that does not say where to attach is left out and named', () => {
  using object = links('on_raw', 'on_cgroup').load()
  object.attach()
  assert.equal([...object.links.names()], ['on_raw'])
  assert.equal(object.unattached, [{ program: 'on_cgroup', wants: 'a cgroup directory' }])
  const error = failure(() => object.programs.get('on_cgroup').attach())
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.message, "program 'on_cgroup' cannot be attached: it needs a cgroup directory")
})

onKernel('when one program cannot be attached, none of the call is', () => {
  const spec = links('on_raw', 'on_cgroup')
  spec.programs.get('on_cgroup').target = { cgroup: `${cgroups}/not-there` }
  using object = spec.load()
  const error = failure(() => object.attach())
  assert.is(error.code, 'ENOENT')
  assert.is(error.path, `${cgroups}/not-there`)
  assert.is(object.links.size, 0)
  // the first was attached for a moment
  const events = object.variables.get('raw_events').get()
  makeCalls(5)
  assert.is(object.variables.get('raw_events').get(), events)
})

onKernel('a directory that is no cgroup is refused', () => {
  const spec = links('on_cgroup')
  spec.programs.get('on_cgroup').target = { cgroup: '/tmp' }
  using object = spec.load()
  assert.is(failure(() => object.attach()).code, 'EBADF')
})

onKernel('where the number of a tracepoint cannot be read, the file is named', () => {
  const spec = links('on_point')
  spec.programs.get('on_point').target = { hook: 'sched/sched_switch/id' }
  using object = spec.load()
  const error = failure(() => object.attach())
  assert.is(error.code, 'ENOTDIR')
  assert.is(error.errno, 20)
  assert.match(error.path!, '/events/sched/sched_switch/id/id')
})

onKernel('a closed link detaches', () => {
  using object = links('on_raw').load()
  object.attach()
  object.links.get('on_raw').close()
  makeCalls(5)
  const events = object.variables.get('raw_events').get()
  makeCalls(5)
  assert.is(object.variables.get('raw_events').get(), events)
})

needs(
  test,
  'root',
  'linux 6.16',
)('the kernel shows the cookie of a typed tracepoint', () => {
  const spec = links('on_btf')
  spec.programs.get('on_btf').link.cookie = 2n ** 64n - 2n
  using object = spec.load()
  object.attach()
  const info = object.links.get('on_btf').info()
  assert.is(info.kind === 'raw_tracepoint' && info.cookie, 2n ** 64n - 2n)
})

/** Attaches with these answers of the kernel in place of its own; what was asked and what was thrown. */
function answered(answers: Record<string, number>, object: string, program: string, cookie?: bigint) {
  const spec = openObject(fixture(object)).programs.get(program)
  if (cookie !== undefined) spec.link.cookie = cookie
  const asked: string[] = []
  interceptSyscalls(({ name }) => {
    if (name in answers) asked.push(name)
    return answers[name]
  })
  try {
    return { error: failure(() => attachProgram({ spec, fd: -1 })), asked }
  } finally {
    interceptSyscalls(undefined)
  }
}

const [create, open] = ['bpf(BPF_LINK_CREATE)', 'bpf(BPF_RAW_TRACEPOINT_OPEN)'] as const
const [EBUSY, EINVAL] = [-16, -22]

onKernel(
  'a kernel without cookies of tracepoints refuses one, and is not asked in the way that loses it',
  () => {
    // Linux 6.9 and before: BPF_LINK_CREATE does not look at the cookie of a typed tracepoint
    const { error, asked } = answered({ [create]: 999, [open]: EINVAL }, 'links', 'on_btf', 1n)
    assert.equal(asked, [open])
    assert.is(error.code, 'EINVAL')
  },
)

onKernel('where only the old call attaches, it is its error that is told', () => {
  // Linux before 5.18
  const { error, asked } = answered({ [create]: EINVAL, [open]: EBUSY }, 'link-kernel', 'on_entry')
  assert.equal(asked, [create, open])
  assert.equal([error.code, error.syscall], ['EBUSY', open])
  assert.match(error.hint!, /attached already/)
})

test.run()
