// struct_ops maps in a running kernel: congestion control for TCP, which nothing uses unless it is told to.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfLink, type ObjectSpec, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

/** The names are the whole system's, on which this test may run several times at once: at most 15 bytes. */
const nameOf = (letter: string): string => `bpfpin_${letter}${process.pid}`
const [linkedName, plainName, otherName, newName] = ['l', 'p', 'o', 'n'].map(nameOf) as [
  ...[string, string, string, string], // as many as there are letters
]

const open = (): ObjectSpec => {
  const spec = openObject(fixture('struct-ops'))
  spec.maps.get('linked').structOps?.set('name', linkedName)
  spec.maps.get('plain').structOps?.set('name', plainName)
  spec.maps.get('flavoured').structOps?.set('name', otherName)
  return spec
}

const available = (): string[] =>
  readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8').trim().split(' ')

/** Only what SEC(".struct_ops") has, which every kernel can register. */
const plain = (): ObjectSpec => {
  const spec = open()
  spec.maps.get('linked').autocreate = false
  spec.maps.get('plain').autocreate = true
  return spec
}

/** Bytes over loopback, in a network namespace whose sockets use this congestion control. */
const transfer = (control: string): void => {
  const script = `
    const net = require('node:net')
    const server = net.createServer(socket => socket.resume().on('end', () => server.close())).listen(0, () => {
      const socket = net.connect(server.address().port, '127.0.0.1', () => socket.end(Buffer.alloc(1 << 20)))
    })`
  const start = `ip link set lo up && echo ${control} > /proc/sys/net/ipv4/tcp_congestion_control && exec "$@"`
  execFileSync('unshare', ['--net', 'sh', '-c', start, 'sh', process.execPath, '-e', script])
}

needs(
  test,
  'root',
  'linux 6.4',
)('a map with a link is registered as long as the link is open', () => {
  using object = open().load()
  const linked = object.structOps.get('linked')
  assert.is(linked.state, 'empty')
  assert.not(available().includes(linkedName))
  object.attach()
  assert.is(linked.state, 'ready')
  assert.ok(available().includes(linkedName))
  const link = object.links.get('linked')
  assert.equal(
    { type: link.type, program: link.program, target: link.target, alive: link.alive },
    {
      ...{ type: 'struct_ops', program: 'linked', alive: true },
      target: { structOps: 'tcp_congestion_ops', name: linkedName },
    },
  )
  const info = link.info()
  assert.is(info.kind === 'struct_ops' && info.mapId, object.maps.get('linked').id)
  link.close()
  assert.not(available().includes(linkedName))
  // the map keeps its struct, and another link may register it again
  object.attach()
  assert.ok(available().includes(linkedName))
})

needs(
  test,
  'root',
  'linux 6.4',
  'ip',
)('the kernel calls the programs of a struct', () => {
  const spec = open()
  // TCP_CONG_NON_RESTRICTED (include/net/tcp.h): without it no other network namespace may choose it
  spec.maps.get('linked').structOps?.set('flags', 1)
  using object = spec.load()
  object.attach()
  const calls = object.variables.get('calls')
  transfer(linkedName)
  assert.ok((calls.get() as bigint) > 0n)
})

needs(
  test,
  'root',
  'bpftool',
)('a map without a link is registered until it is taken out', () => {
  using object = plain().load()
  object.attach()
  assert.ok(available().includes(plainName))
  const id = object.maps.get('plain').id
  const listed = execFileSync('bpftool', ['struct_ops', 'list'], { encoding: 'utf8' })
  assert.match(listed, new RegExp(`^${id}: plain +tcp_congestion_ops`, 'm'))
  const link: BpfLink = object.links.get('plain')
  assert.equal([link.type, link.id, link.alive], ['struct_ops', 0, true])
  assert.match(link.unpinnable ?? '', 'registered without a link')
  link.close()
  assert.not(available().includes(plainName))
  assert.is(object.structOps.get('plain').state, 'removed')
  const again = failure(() => object.attach())
  assert.equal([again.code, again.hint?.includes('.struct_ops.link')], ['EBUSY', true])
})

needs(test, 'root')('two of one name are not registered, and what was attached before is taken back', () => {
  using first = plain().load()
  first.attach()
  using second = plain().load()
  const error = failure(() => second.attach())
  assert.is(error.code, 'EEXIST')
  assert.match(error.message, `registering map 'plain' as tcp_congestion_ops ${plainName}`)
  assert.match(error.hint ?? '', 'one of that name is registered already')
})

needs(
  test,
  'root',
  'linux 6.4',
)('values and programs that are set before loading are those that the kernel gets', () => {
  const spec = open()
  const { structOps } = spec.maps.get('linked')
  structOps?.set('name', newName)
  structOps?.set('cong_avoid', 'on_cong_avoid_2')
  structOps?.set('set_state', null)
  using object = spec.load()
  assert.equal([...object.programs.names()].sort(), ['on_cong_avoid_2', 'on_ssthresh', 'on_undo_cwnd'])
  object.attach()
  assert.ok(available().includes(newName))
  assert.not(available().includes(linkedName))
})

needs(
  test,
  'root',
  'linux 6.4',
)('a flavour of the struct may have members that the kernel has not, several maps one program', () => {
  const spec = open()
  spec.maps.get('flavoured').autocreate = true
  using object = spec.load()
  object.attach()
  assert.ok(available().includes(linkedName))
  assert.ok(available().includes(otherName))
})

needs(
  test,
  'root',
  'linux 6.4',
)('what the subsystem refuses is loaded, and told of where it is attached', () => {
  const spec = open()
  spec.maps.get('linked').structOps?.set('ssthresh', null)
  using object = spec.load()
  const error = failure(() => object.attach())
  assert.equal([error.code, error.syscall], ['EINVAL', 'bpf(BPF_MAP_UPDATE_ELEM)'])
  assert.match(error.hint ?? '', 'a function or a name that it needs is missing')
  assert.is(object.structOps.get('linked').state, 'empty')
})

needs(test, 'root')(
  'programs are refused that no map points to, that are not there, and that are to be two functions',
  () => {
    const unused = plain()
    unused.programs.get('on_state').autoload = true
    // one that the object puts into a struct follows the map; this one is in none
    unused.maps.get('plain').structOps?.set('cong_avoid', 'on_nowhere')
    assert.match(
      failure(() => unused.load()).message,
      "map 'plain' points to program 'on_nowhere': there is none",
    )
    const never = plain()
    never.programs.get('on_nothing').autoload = true
    assert.match(failure(() => never.load()).message, 'program \'on_nothing\': SEC("?struct_ops/nor_this")')
    const twice = plain()
    twice.maps.get('plain').structOps?.set('undo_cwnd', 'on_ssthresh')
    assert.match(
      failure(() => twice.load()).message,
      "program 'on_ssthresh' cannot be both tcp_congestion_ops.ssthresh in map 'plain' and tcp_congestion_ops.undo_cwnd",
    )
  },
)

test.run()
