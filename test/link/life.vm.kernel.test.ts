// Families that not every kernel's configuration has.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { linkTypes } from '../../src/spec/kernel.ts'
import { progTestRun } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { cgroup, inCgroup, type Place, root, testLives } from './life.ts'
import type { Network } from './network.ts'

const openFiles = (): void => {
  for (let i = 0; i < 10; i++) readFileSync('/proc/self/stat')
}
const askForParent = (): void => {
  for (let i = 0; i < 10; i++) process.ppid
}
async function bindOften(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.close()
  }
}

/** A pair of netkit interfaces, of which the kernel names the peer, each with a network that is only there. */
function connectNetkit(network: Network): void {
  const script = `
    ip link add primary type netkit || exit 0 # an older kernel
    ip link set primary up
    ip link set nk0 up
    ip address add 192.0.2.1/24 dev primary
    ip address add 198.51.100.1/24 dev nk0`
  network.run('sh', '-ec', script)
}

/** The object whose function is replaced. */
const replaced = openObject(fixture('link-replaced'), { root })

function runReplaced(): void {
  using object = replaced.loadPinned()
  const { fd } = object.programs.get('on_packet')
  assert.is(progTestRun(fd, { dataIn: new Uint8Array(64), repeat: 10 }).result, 0)
}

const onFiles = { object: 'link-kernel', fire: openFiles }
const onNetkit = { object: 'link-net', since: '6.7', inNetwork: true, target: { interface: 'primary' } }
const perf = { shown: { type: 'perf_event' } }
// Debian's kernels have fprobe, and an instruction in front of a function's first, since then
const later = { since: '6.12' }
const many = { ...later, shown: { type: 'kprobe_multi' } }
const tracing = { shown: { type: 'tracing' } }

testLives(
  {
    kprobe: { ...onFiles, ...perf, program: 'on_probe', counter: 'probed' },
    'kprobe+4': { ...onFiles, ...perf, ...later, program: 'on_probe_inside', counter: 'probed_inside' },
    kretprobe: { ...onFiles, ...perf, program: 'on_probe_return', counter: 'returned' },
    'kprobe.multi': { ...onFiles, ...many, program: 'on_many', counter: 'probed_many' },
    'kretprobe.multi': { ...onFiles, ...many, program: 'on_many_returns', counter: 'returned_many' },
    'kprobe.session': { ...onFiles, ...many, program: 'on_session', counter: 'in_session' },
    ksyscall: { ...onFiles, ...perf, program: 'on_syscall', counter: 'syscalls', fire: askForParent },
    kretsyscall: {
      ...onFiles,
      ...perf,
      program: 'on_syscall_return',
      counter: 'syscall_returns',
      fire: askForParent,
    },
    fentry: { ...onFiles, ...tracing, program: 'on_entry', counter: 'entered' },
    'fentry by its target': {
      ...{ ...onFiles, ...tracing, program: 'on_hook', counter: 'hooked' },
      target: { hook: 'security_file_open' },
    },
    fexit: { ...onFiles, ...tracing, program: 'on_exit', counter: 'left' },
    fmod_ret: { ...onFiles, ...tracing, program: 'on_modify', counter: 'modified' },
    lsm: { ...onFiles, ...tracing, program: 'on_open', counter: 'checked' },
    lsm_cgroup: {
      ...{ object: 'link-kernel', program: 'on_bind', counter: 'bound', target: { cgroup } },
      ...{ fire: () => inCgroup(bindOften), shown: { type: 'cgroup', attach_type: 'lsm_cgroup' } },
    },
    freplace: {
      ...{ object: 'link-replace', program: 'decide_better', counter: 'replaced', ...tracing },
      ...{ target: { program: `${replaced.pinPath}/programs/on_packet` }, fire: runReplaced },
    },
    'netkit/primary': {
      ...{
        ...onNetkit,
        program: 'on_primary',
        counter: 'primary_packets',
        shown: { type: linkTypes.netkit },
      },
      fire: ({ network }: Place) => network.send(10, '192.0.2.5'),
    },
    'netkit/peer': {
      ...{ ...onNetkit, program: 'on_peer', counter: 'peer_packets', shown: { type: linkTypes.netkit } },
      fire: ({ network }: Place) => network.send(10, '198.51.100.5'),
    },
  },
  network => {
    connectNetkit(network)
    replaced.upgrade().close()
    return () => {
      using object = replaced.loadPinned()
      object.unpin()
    }
  },
)

test.run()
