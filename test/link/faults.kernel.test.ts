// Each system call of attaching fails in turn: an error with a reason, or another way was found; no descriptor stays open.
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, type BpfLink, type BpfProgram, openObject, type Target } from '../../src/index.ts'
import { errnos, failing } from '../faults.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, needs } from '../requirements.ts'
import { Network } from './network.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroup = `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-faults-${process.pid}`
const veth = `bp${process.pid}f`
const tools = ['ip', 'unshare', 'nsenter']
const canRun = tools.every(tool => commandPath(tool) !== undefined)
let network: Network

test.before(async () => {
  if (!canRun) return
  mkdirSync(cgroup)
  network = await Network.make()
  network.connect(veth, '192.0.2.1')
})
test.after(async () => {
  if (!canRun) return
  await network.close()
  rmdirSync(cgroup)
})

/** Every form of target that is opened, looked up or measured on the way to the link. */
const table: readonly [since: string, object: string, program: string, target: () => Target | undefined][] = [
  ['5.8', 'links', 'on_raw', () => undefined],
  ['5.8', 'links', 'on_btf', () => undefined],
  ['5.15', 'links', 'on_point', () => undefined],
  ['5.15', 'link-user', 'on_sample', () => ({ event: 'cpu-clock', period: 1_000_000, cpu: 0 })],
  ['5.15', 'link-user', 'on_call', () => undefined],
  ['6.6', 'link-user', 'on_many', () => undefined],
  [
    '5.9',
    'link-iter',
    'on_element',
    () => ({ iterator: 'bpf_map_elem', map: `${root}/link-iter/maps/flows` }),
  ],
  ['6.1', 'link-iter', 'on_cgroup', () => ({ iterator: 'cgroup', cgroup })],
  ['5.7', 'link-cgroup', 'on_one', () => ({ cgroup })],
  ['5.9', 'link-net', 'on_xdp', () => ({ interface: veth, mode: 'generic' })],
  [
    '6.6',
    'link-net',
    'on_egress',
    () => ({ interface: veth, after: { program: `${root}/link-net/programs/on_stop` } }),
  ],
  ['5.9', 'link-net', 'on_lookup', () => ({ netns: network.path })],
  ['6.10', 'link-sock', 'on_message', () => ({ map: `${root}/link-sock/maps/sockets` })],
]

for (const [since, file, name, target] of table) {
  needs(
    test,
    'root',
    ...tools,
    `linux ${since}`,
  )(`${file} ${name}: whichever call of attaching fails, nothing stays open`, () => {
    const spec = openObject(fixture(file), { root })
    const isAnchored = name === 'on_egress'
    for (const one of spec.programs)
      one.autoload = one.name === name || (isAnchored && one.name === 'on_stop')
    if (isAnchored) spec.programs.get('on_stop').attachType = 'tcx_egress'
    using object = spec.load()
    object.pin()
    try {
      const program = object.programs.get(name)
      using _ = isAnchored ? attach(object.programs.get('on_stop'), { interface: veth }) : undefined
      for (const errno of [errnos.EMFILE, errnos.EPERM]) failEach(program, target(), errno)
    } finally {
      object.unpin()
    }
  })
}

function attach(program: BpfProgram, target: Target | undefined): BpfLink {
  program.spec!.target = target
  return program.attach()
}

function failEach(program: BpfProgram, target: Target | undefined, errno: number): void {
  attach(program, target).close() // what is read once and kept
  const open = readdirSync('/proc/self/fd').length
  let n = 0
  for (let failed: string | undefined = ''; failed !== undefined; ) {
    let error: unknown
    failed = failing(++n, errno, () => {
      try {
        attach(program, target).close()
      } catch (thrown) {
        error = thrown
      }
    })
    if (error !== undefined) {
      assert.instance(error, BpfError, `${failed}: ${error}`)
      assert.match((error as BpfError).message, program.name)
    }
    assert.is(readdirSync('/proc/self/fd').length, open, `after ${failed}`)
  }
  assert.ok(n > 1)
}

test.run()
