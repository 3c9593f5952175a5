import { execFileSync } from 'node:child_process'
import { mkdirSync, rmdirSync, statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { linkTypes } from '../../src/spec/kernel.ts'
import { fixture } from '../fixtures.ts'
import { Network } from '../link/network.ts'
import { scratch, Target } from '../link/usdt-target.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinIn, bpfpinJson, commandLine } from './bpfpin.ts'
import { type Listing, names, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool', 'unshare', 'nsenter', 'linux 6.6')
const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const cgroup = `${cgroups}/bpfpin-cli-${process.pid}`
const pinArgs = ['pin', fixture('links'), '--root', root, '--attach', `on_cgroup=${cgroup}`]

let network: Network

test.before(async () => {
  if (process.getuid?.() === 0) network = await Network.make()
})
test.after(async () => {
  await network?.close()
})
test.before.each(() => {
  if (cgroups !== '') mkdirSync(cgroup)
})
test.after.each(() => {
  unpinAll()
  try {
    rmdirSync(cgroup)
  } catch {
    // a test removed it
  }
})

const inNetwork = (...args: string[]): string => network.run(...commandLine(...args))

/** Sends a datagram to `lo` as a process of the cgroup, there where the programs are. */
function makeEvents(): void {
  const send = `echo $$ > ${cgroup}/cgroup.procs; exec bash -c 'echo x > /dev/udp/127.0.0.1/9'`
  network.run('bash', '-c', send)
}

function readCounters(): Record<string, number> {
  const reader = new URL('./reader.ts', import.meta.url).pathname
  const args = [...process.execArgv, reader, 'links', root]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

onKernel(
  'links of six families outlive the process that pinned them; unpin detaches and leaves nothing',
  () => {
    inNetwork(...pinArgs, '--attach', 'on_xdp=lo', '--attach', 'on_tcx=lo')
    const { links } = bpfpinJson<Listing>('ls', 'links', '--root', root).objects[0]!
    const shown = links.map(({ path }) => bpftool('link', 'show', 'pinned', path))
    // a bpftool that is older than the kernel shows tcx by its number (include/uapi/linux/bpf.h: enum bpf_link_type)
    const types = shown.map(({ type }) => (type === linkTypes.tcx ? 'tcx' : type))
    assert.equal(types, ['raw_tracepoint', 'perf_event', 'raw_tracepoint', 'cgroup', 'xdp', 'tcx'])
    makeEvents()
    const before = readCounters()
    makeEvents()
    const after = readCounters()
    assert.equal(Object.keys(after).sort(), [
      ...['btf_events', 'cgroup_packets', 'point_events', 'raw_events', 'tcx_packets', 'xdp_packets'],
    ])
    for (const [name, count] of Object.entries(after)) {
      assert.ok(before[name]! > 0 && count > before[name]!, `${name}: ${before[name]}, then ${count}`)
    }
    const report = bpfpinJson<object>('unpin', 'links', '--root', root)
    assert.equal(report, { name: 'links', path: `${root}/links`, removed: 14, left: [], stillAttached: [] })
    assert.equal(names(), [])
    // one by one: a list of all links stops at one that another process removes meanwhile
    for (const { id } of shown)
      assert.throws(() => bpftool('link', 'show', 'id', String(id)), /Command failed/)
  },
)

onKernel('the same targets find it pinned, others are refused with both', () => {
  inNetwork(...pinArgs, '--attach', 'on_xdp=lo', '--no-attach')
  assert.match(
    inNetwork(...pinArgs, '--attach', 'on_xdp=lo', '--no-attach'),
    /^found links .* 2 links; nothing/,
  )
  const { code, stderr } = bpfpin(...pinArgs, '--attach', 'on_xdp=lo,mode=generic', '--no-attach')
  assert.is(code, 3)
  assert.match(stderr, /on_xdp.*lo,mode=generic/)
})

onKernel('a labelled target is a link of its own, whose path pin --json tells', () => {
  const args = [...pinArgs, '--no-attach', '--attach', 'on_tcx~here=lo', '--json']
  const { done, unattached, ...object } = JSON.parse(inNetwork(...args))
  assert.equal({ done, unattached }, { done: 'pinned', unattached: [] })
  assert.equal(
    object.links.map(({ name, path, target }: Record<string, string>) => ({ name, path, target })),
    [
      { name: 'on_cgroup', path: `${root}/links/links/on_cgroup`, target: cgroup },
      { name: 'on_tcx~here', path: `${root}/links/links/on_tcx~here`, target: 'lo' },
    ],
  )
  assert.equal(object, bpfpinJson<Listing>('ls', '--root', root).objects[0])
})

onKernel('directories get the mode that is asked for', () => {
  bpfpin(...pinArgs, '--no-attach', '--mode', '0755')
  const umask = process.umask()
  assert.is(statSync(`${root}/links/maps`).mode & 0o777, 0o755 & ~umask)
  assert.is(statSync(`${root}/links/maps/:bss`).mode & 0o777, 0o644)
})

onKernel('a link whose cgroup is gone is listed as dead', async () => {
  bpfpin(...pinArgs, '--no-attach')
  const listed = () => bpfpinJson<Listing>('ls', 'links', '--root', root).objects[0]!.links[0]!
  const alive = listed()
  assert.is('dead' in alive, false)
  rmdirSync(cgroup)
  // the kernel lets go of a cgroup's programs some time after its directory is gone (kernel/bpf/cgroup.c: cgroup_bpf_release)
  while (bpftool('link', 'show', 'pinned', alive.path).cgroup_id !== 0) await setTimeout(20)
  assert.equal(listed(), { ...alive, dead: true })
  assert.match(bpfpin('ls', 'links', '--root', root).stdout, new RegExp(`on ${cgroup} +dead$`, 'm'))
})

const onX86 = process.arch === 'x64' ? onKernel : () => {}

onX86('probes that a program has in itself are attached to, listed, and gone with the object', async () => {
  using target = new Target()
  const env = { PATH: `${scratch}:${process.env.PATH}` }
  const attach = ['--attach', `on_probe=${scratch}/usdt-target.elf:bpfpin:widths,pid=${target.pid}`]
  const pinned = bpfpinIn({ env }, 'pin', fixture('usdt'), '--root', root, ...attach)
  assert.is(pinned.code, 0, pinned.stderr)
  assert.match(`${pinned.stdout}${pinned.stderr}`, /on_sleepable.*a USDT probe \('path:provider:name'\)/)
  const { links } = bpfpinJson<Listing>('ls', 'usdt', '--root', root).objects[0]!
  assert.equal(
    links.map(({ name, target }) => [name, target]),
    [
      ['on_probe', `${scratch}/usdt-target.elf:bpfpin:widths,pid=${target.pid}`],
      ['on_counted', 'usdt-target.elf:bpfpin:counted'],
    ],
  )
  assert.is(await target.fire(), 3)
  assert.is(bpfpin('unpin', 'usdt', '--root', root).code, 0)
  assert.is(await target.fire(), 0)
})

test('a probe that is not there is told with those of similar names', () => {
  if (process.arch !== 'x64' || root === '') return
  const args = ['--attach', `on_probe=${scratch}/usdt-target.elf:bpfpin:count`]
  const { code, stderr } = bpfpin('pin', fixture('usdt'), '--root', root, ...args)
  assert.is(code, 1)
  assert.match(stderr, /has no USDT probe 'bpfpin:count'; did you mean 'bpfpin:counted'/)
  assert.equal(names(), [])
})

for (const [args, message] of [
  [['--attach', 'on_xpd=lo'], "there is no program 'on_xpd' in the object; did you mean 'on_xdp'?"],
  [['--attach', 'on_xdp=a/b'], "program 'on_xdp': target 'a/b': expected an interface"],
  [['--attach', 'on_xdp'], "option '--attach' takes PROGRAM=TARGET, as in on_xdp=eth0, not 'on_xdp'"],
  [['--attach', 'on_xdp=lo', '--attach', 'on_xdp=lo'], "'on_xdp' is to be attached twice"],
  [['--attach', 'on_xdp~a b=lo'], "program 'on_xdp' has a target labelled 'a b'"],
  [['--mode', '0999'], "option '--mode' takes permissions as three octal digits"],
  [['--wait', '-5'], "option '--wait' needs SECONDS behind it, and '-5' looks like an option"],
  [['--wait', 'long'], "option '--wait' takes a number of seconds"],
  [['--layout', 'flat'], "option '--layout' takes libbpf, or object, which is the default, not 'flat'"],
] as const) {
  test(`'pin ${args.join(' ')}' is wrong usage, and nothing is done`, () => {
    const { code, stdout, stderr } = bpfpin('pin', fixture('links'), '--root', root, ...args)
    assert.equal({ code, stdout }, { code: 2, stdout: '' })
    assert.ok(stderr.startsWith(`bpfpin: pin: ${message}`), stderr)
    if (root !== '') assert.equal(names(), [])
  })
}

onKernel(
  'with the layout of libbpf a map that is pinned by name is at the root, and pin --json says so',
  () => {
    const args = ['pin', fixture('interop-shared'), '--root', root, '--layout', 'libbpf']
    const { maps } = bpfpinJson<Listing['objects'][number]>(...args)
    const outside = maps.filter(({ path }) => path.split('/').length === root.split('/').length + 1)
    assert.ok(outside.length > 0)
    for (const { path, id } of outside) assert.is(bpftool('map', 'show', 'pinned', path).id, id)
    assert.equal(bpfpinJson<{ other: object[] }>('ls', '--root', root).other, [])
  },
)

test.run()
