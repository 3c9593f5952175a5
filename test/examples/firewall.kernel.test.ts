import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bpfpin } from '../cli/bpfpin.ts'
import { needs } from '../requirements.ts'
import { builtExample, example } from './built.ts'

const root = process.env.BPFPIN_TEST_ROOT!

// packets from three senders to a socket that counts them; what is dropped on the way never comes
const senders = `
  const { createSocket } = require('node:dgram')
  const { once } = require('node:events')
  ;(async () => {
    const receiver = createSocket('udp4')
    const seen = []
    receiver.on('message', (_, { address }) => seen.push(address))
    receiver.bind(0, '127.0.0.1')
    await once(receiver, 'listening')
    // the last one is never blocked: once its packet is there, all are that will be
    for (const from of ['127.0.1.1', '127.0.2.1', '127.0.3.1']) {
      const socket = createSocket('udp4')
      await new Promise(done => socket.bind(0, from, done))
      await new Promise(done => socket.send('x', receiver.address().port, '127.0.0.1', done))
      socket.close()
    }
    while (!seen.includes('127.0.3.1')) await once(receiver, 'message')
    receiver.close()
    console.log(seen.join(' '))
  })()`

needs(
  test,
  'root',
  'ip',
  'linux 5.9',
)(
  'rules of the firewall outlive its process, go on in its next version, and drop what they should',
  async () => {
    const script = await builtExample('firewall/firewall.mjs')
    const steps = `
    ip link set lo up
    send() { node -e "$SENDERS"; }
    firewall() { node ${script} "$@"; }
    send
    firewall up ${example('firewall/firewall.bpf.o')} lo
    firewall block 127.0.1.0/24
    send
    firewall up ${example('firewall/firewall.bpf.o')} lo
    send
    firewall up ${example('firewall/firewall-2.bpf.o')} lo
    send
    firewall list
    firewall unblock 127.0.1.0/24
    send
    firewall block nonsense || true`
    const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-ec', steps], {
      encoding: 'utf8',
      env: { ...process.env, BPFPIN_ROOT: root, SENDERS: senders },
    })
    const all = '127.0.1.1 127.0.2.1 127.0.3.1'
    const without = '127.0.2.1 127.0.3.1'
    const [before, installed, blocked, found, again, upgraded, after, rule = '', unblocked] =
      stdout.split('\n')
    assert.equal([before, blocked, again, after, unblocked], [all, without, without, without, all], stderr)
    assert.equal(
      [installed, found, upgraded],
      [`${root}/firewall: 0 rules`, `${root}/firewall: 1 rules`, `${root}/firewall: 1 rules`],
    )
    // three packets were dropped, the last of them, an UDP packet of one byte with its headers, by the version that counts bytes
    const headers = { ethernet: 14, ip: 20, udp: 8 }
    assert.is(rule, `127.0.1.0/24  packets 3, bytes ${headers.ethernet + headers.ip + headers.udp + 1}`)
    assert.is(stderr, "firewall: 'nonsense' is no IPv4 prefix, as in 10.0.0.0/8\n")
    assert.is(bpfpin('unpin', 'firewall', '--root', root).code, 0)
  },
)

test.run()
