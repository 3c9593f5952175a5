import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../requirements.ts'
import { bpfpin, bpfpinJson, commandLine } from './bpfpin.ts'

interface Checkup {
  readonly ok: boolean
  readonly checks: readonly { name: string; state: string; found: string; stops?: string; fix?: string }[]
  readonly features: readonly { name: string; since: string; available: string }[]
}

const root = process.env.BPFPIN_TEST_ROOT!
/** Its programs are raw tracepoints, for which a user needs no tracefs. */
const syscount = fileURLToPath(new URL('../../examples/syscount/syscount.bpf.o', import.meta.url))
const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps=-all']

function checkOf({ checks }: Checkup, name: string): Checkup['checks'][number] | undefined {
  return checks.find(check => check.name === name)
}

/** A shell script with `$@` for the tool, in a mount namespace of its own: what it prints. */
function shell(script: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', ...commandLine(...args)],
    {
      encoding: 'utf8',
    },
  )
  assert.is(stderr, '')
  return stdout
}

/** What the last of several runs found. */
function lastOf(output: string): Checkup {
  // the tool's own document
  return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as Checkup
}

needs(test, 'root')('root with a bpffs can pin, and is told so', () => {
  const found = bpfpinJson<Checkup>('doctor', '--root', root)
  assert.is(found.ok, true)
  assert.equal(checkOf(found, 'bpffs'), { name: 'bpffs', state: 'ok', found: root })
  assert.is(checkOf(found, 'capabilities')?.state, 'ok')
  const { code, stdout } = bpfpin('doctor', '--root', root)
  assert.is(code, 0)
  assert.match(stdout, /^bpfpin can pin here/m)
})

needs(
  test,
  'root',
  'bpftool',
)('features are there that bpftool finds, and no others', () => {
  const { features } = bpfpinJson<Checkup>('doctor', '--root', root)
  const probed = JSON.parse(
    execFileSync('bpftool', ['feature', 'probe', 'kernel', '--json'], { encoding: 'utf8' }),
  )
  const theirs: Readonly<Record<string, boolean | undefined>> = {
    XDP: probed.program_types.have_xdp_prog_type,
    'raw tracepoints': probed.program_types.have_raw_tracepoint_prog_type,
    'cgroup programs': probed.program_types.have_cgroup_skb_prog_type,
    maps: probed.map_types.have_array_map_type,
    'ring buffers': probed.map_types.have_ringbuf_map_type,
  }
  for (const [name, have] of Object.entries(theirs)) {
    assert.type(have, 'boolean', `bpftool says nothing of ${name}`)
    assert.is(features.find(one => one.name === name)?.available, have ? 'yes' : 'no', name)
  }
})

needs(
  test,
  'root',
  '/proc/config.gz',
)('what the kernel was built without is missing', () => {
  const { features } = bpfpinJson<Checkup>('doctor', '--root', root)
  const config = gunzipSync(readFileSync('/proc/config.gz')).toString()
  const options = {
    kprobes: 'KPROBE_EVENTS',
    'kprobe.multi': 'FPROBE',
    uprobes: 'UPROBE_EVENTS',
    netfilter: 'NETFILTER_BPF_LINK',
  }
  for (const [name, option] of Object.entries(options)) {
    const isBuilt = config.includes(`\nCONFIG_${option}=y\n`)
    assert.is(features.find(one => one.name === name)?.available, isBuilt ? 'yes' : 'no', name)
  }
})

needs(test, 'root')('root without a bpffs is given the command that mounts one, and it does', () => {
  const nowhere = mkdtempSync(join(tmpdir(), 'bpfpin-doctor-'))
  const before = lastOf(`\n${shell('"$@"', 'doctor', '--json', '--root', nowhere)}`)
  assert.is(before.ok, false)
  const check = checkOf(before, 'bpffs')
  assert.is(check?.state, 'missing')
  const [command = ''] = check?.fix?.split(', or ') ?? []
  assert.is(command, `mount -t bpf bpf ${nowhere}`)
  const after = lastOf(`\n${shell(`${command} && "$@"`, 'doctor', '--json', '--root', nowhere)}`)
  assert.equal([after.ok, checkOf(after, 'bpffs')?.state], [true, 'ok'])
  const { code, stdout } = bpfpin('doctor', '--root', join(nowhere, 'deep/er'))
  assert.is(code, 1)
  assert.match(stdout, `mkdir -p ${nowhere}/deep/er && mount -t bpf bpf ${nowhere}/deep/er`)
  rmSync(nowhere, { recursive: true })
})

needs(
  test,
  'root',
  'setpriv',
)('an unprivileged user is given commands by which that user can pin', () => {
  const mount = `mount -t bpf bpf ${root} && chmod 0700 ${root} && chmod 755 ${root}/.. ${root}/../..`
  const asNobody = `${mount} && ${nobody.join(' ')}`
  const before = lastOf(`\n${shell(`${asNobody} "$@"`, 'doctor', '--json', '--root', root)}`)
  assert.is(before.ok, false)
  assert.is(checkOf(before, 'capabilities')?.state, 'missing')
  assert.match(
    checkOf(before, 'capabilities')?.found ?? '',
    'user 65534 without CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN',
  )
  assert.match(checkOf(before, 'bpffs')?.found ?? '', 'user 65534 may not write to it (user 0, mode 0700)')
  const [become = ''] = checkOf(before, 'capabilities')?.fix?.split(' bpfpin COMMAND') ?? []
  const [prepare = '', place = ''] = checkOf(before, 'bpffs')?.fix?.split(', and --root ') ?? []
  // the test is root already
  const run = (text: string): string => text.replaceAll('sudo ', '')
  const pin = commandLine('pin', syscount, '--root', place).map(arg => `'${arg}'`)
  const all = `${mount} && ${run(prepare)} && ${run(become)} ${pin.join(' ')} >/dev/null && ${run(become)} "$@"`
  const after = lastOf(`\n${shell(all, 'doctor', '--json', '--root', place)}`)
  assert.equal([after.ok, checkOf(after, 'capabilities')?.state], [true, 'ok'])
})

needs(test, 'root')('where the native part is missing the rest is still looked at', () => {
  const koffi = fileURLToPath(new URL('../../node_modules/koffi', import.meta.url))
  const found = lastOf(
    `\n${shell(`mount -t tmpfs none ${koffi} && "$@"`, 'doctor', '--json', '--root', root)}`,
  )
  assert.equal([found.ok, checkOf(found, 'system calls')?.state], [false, 'missing'])
  assert.equal([checkOf(found, 'bpffs')?.state, checkOf(found, 'capabilities')?.state], ['ok', 'ok'])
  assert.equal(found.features, [])
})

needs(test, 'root')('a user namespace is told what must delegate to it', () => {
  const found = lastOf(
    `\n${shell('unshare --user --map-root-user "$@"', 'doctor', '--json', '--root', root)}`,
  )
  assert.is(found.ok, false)
  assert.match(checkOf(found, 'capabilities')?.fix ?? '', '-o delegate_cmds=any')
})

needs(test, 'root')('a root that is a pin is told from a directory that one may not write to', () => {
  assert.is(bpfpin('pin', syscount, '--root', root).code, 0)
  const { code, stdout } = bpfpin('doctor', '--root', `${root}/syscount/maps/processes`)
  assert.is(code, 1)
  assert.match(stdout, `${root}/syscount/maps/processes is a pin`)
  assert.is(bpfpin('unpin', 'syscount', '--root', root).code, 0)
})

needs(test, 'root')('what stops pinning is in the last line, and the exit code is 1', () => {
  const { code, stdout } = bpfpin('doctor', '--root', '/proc')
  assert.is(code, 1)
  assert.match(stdout.trimEnd().split('\n').at(-1)!, /^bpfpin cannot pin here: bpffs/)
})

test.run()
