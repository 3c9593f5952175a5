// Programs of cgroups: what they see, and in which order.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { relative } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type Target } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const cgroups = process.env.BPFPIN_TEST_CGROUP ?? ''
const parent = `${cgroups}/bpfpin-cgroup-${process.pid}`
const child = `${parent}/child`
const onKernel = needs(test, 'root')
const withOrder = needs(test, 'root', 'linux 6.17')

test.before(() => {
  mkdirSync(child, { recursive: true })
  writeFileSync(`${child}/cgroup.procs`, String(process.pid))
})
test.after(() => {
  writeFileSync(`${cgroups}/cgroup.procs`, String(process.pid))
  rmdirSync(child)
  rmdirSync(parent)
})

function loaded(...programs: string[]): BpfObject {
  const spec = openObject(fixture('link-cgroup'))
  for (const program of spec.programs) program.autoload = programs.includes(program.name)
  return spec.load()
}

/** Attaches one after the other, with targets that may name those before. */
function attach(object: BpfObject, program: string, target: Target): void {
  const loaded = object.programs.get(program)
  loaded.spec!.target = target
  object.attach()
}

async function sendOne(): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise(resolve => socket.send('x', 9, '127.0.0.1', resolve))
  socket.close()
}

const value = (object: BpfObject, name: string): unknown => object.variables.get(name).get()

/** The order in which programs ran for one packet. */
async function order(object: BpfObject): Promise<unknown> {
  object.variables.get('order').set(0n)
  await sendOne()
  return value(object, 'order')
}

onKernel('programs of the inner cgroup run first, those of one cgroup as they were attached', async () => {
  using object = loaded('on_one', 'on_two', 'on_three')
  attach(object, 'on_one', { cgroup: parent })
  attach(object, 'on_two', { cgroup: child })
  attach(object, 'on_three', { cgroup: child })
  assert.is(await order(object), 231n)
})

needs(
  test,
  'root',
  'linux 6.15',
)('a program in preorder runs before those of the cgroups below', async () => {
  using object = loaded('on_one', 'on_two')
  attach(object, 'on_two', { cgroup: child })
  attach(object, 'on_one', { cgroup: parent, preorder: true })
  assert.is(await order(object), 12n)
  assert.equal(object.links.get('on_one').target, { cgroup: parent, preorder: true })
})

withOrder('programs of one cgroup run in the order that was asked for', async () => {
  using object = loaded('on_one', 'on_two', 'on_three')
  attach(object, 'on_one', { cgroup: child })
  attach(object, 'on_two', { cgroup: child, before: 'all' })
  attach(object, 'on_three', { cgroup: child, before: { link: object.links.get('on_one').id } })
  assert.is(await order(object), 231n)
})

withOrder('a program comes right behind another', async () => {
  using object = loaded('on_one', 'on_two', 'on_three')
  attach(object, 'on_one', { cgroup: child })
  attach(object, 'on_two', { cgroup: child })
  attach(object, 'on_three', { cgroup: child, after: { link: object.links.get('on_one').id } })
  assert.is(await order(object), 132n)
})

onKernel('a place beside a program, which the kernel does not know here, is refused', () => {
  using object = loaded('on_one')
  const error = failure(() => attach(object, 'on_one', { cgroup: child, before: { program: 1 } }))
  assert.is(error.code, 'ERR_VALUE')
  assert.match(error.message, /before or after a link, not a program/)
})

withOrder('a revision that is not the one of the list is refused', () => {
  using object = loaded('on_one', 'on_two')
  attach(object, 'on_one', { cgroup: child })
  const error = failure(() => attach(object, 'on_two', { cgroup: child, revision: 1_000_000 }))
  assert.is(error.code, 'ESTALE')
  assert.match(error.hint!, /another revision/)
})

onKernel('connections and addresses of sockets are seen', async () => {
  using object = loaded('on_connect', 'on_bind')
  for (const program of object.programs) program.spec!.target = { cgroup: child }
  object.attach()
  const server = createServer(socket => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').resume()
  await once(client, 'close')
  server.close()
  assert.equal([value(object, 'connects'), value(object, 'binds')], [1n, 1n])
})

onKernel('a relative path is kept as an absolute one', () => {
  using object = loaded('on_one')
  attach(object, 'on_one', { cgroup: relative(process.cwd(), child) })
  assert.equal(object.links.get('on_one').target, { cgroup: child })
})

onKernel('a cookie that the kernel would not hand over is refused', () => {
  const spec = openObject(fixture('link-cgroup'))
  for (const program of spec.programs) program.autoload = program.name === 'on_one'
  spec.programs.get('on_one').target = { cgroup: child }
  spec.programs.get('on_one').link.cookie = 1n
  using object = spec.load()
  const error = failure(() => object.attach())
  assert.is(error.code, 'ERR_VALUE')
  assert.match(error.message, /a link to a cgroup directory carries no cookie/)
})

onKernel('a directory that is no cgroup is refused, and it is said so', () => {
  using object = loaded('on_one')
  const error = failure(() => attach(object, 'on_one', { cgroup: '/tmp' }))
  assert.is(error.code, 'EBADF')
  assert.match(error.hint!, /no cgroup v2/)
})

test.run()
