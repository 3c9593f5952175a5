// Links of program.attach(), beside those of object.attach().
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, openPinned } from '../../src/index.ts'
import { Root, unpinObject } from '../../src/pin/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

const names = (object: BpfObject): string[] => [...object.links.names()]

function load(): BpfObject {
  const spec = openObject(fixture('links'), { root })
  // tracepoints need a tracefs
  spec.programs.get('on_point').autoload = false
  return spec.load()
}

/** Does the kernel have a link of that id? */
function isThere(id: number): boolean {
  const links = JSON.parse(execFileSync('bpftool', ['--json', 'link', 'list'], { encoding: 'utf8' }))
  return (links as { id: number }[]).some(link => link.id === id)
}

onKernel('a link that a program was given by itself is one of its object, and pinned with it', () => {
  const object = load()
  const link = object.programs.get('on_raw').attach()
  assert.equal(names(object), ['on_raw'])
  assert.is(object.links.get('on_raw'), link)
  object.pin()
  assert.equal(readdirSync(`${root}/links/links`), ['on_raw'])
  const { id } = link
  object.close()
  assert.ok(link.closed)
  assert.ok(isThere(id))
  using again = openPinned('links', { root })
  assert.is(again.links.get('on_raw').id, id)
  using place = Root.find(root)
  assert.equal(place && unpinObject(place, 'links')?.left, [])
  assert.not(isThere(id))
})

onKernel('attaching the object leaves alone what was attached by hand', () => {
  using object = load()
  const link = object.programs.get('on_raw').attach()
  object.attach()
  assert.equal(names(object).sort(), ['on_btf', 'on_raw'])
  assert.is(object.links.get('on_raw'), link)
})

onKernel('a link that was closed is none, and its program can be attached anew', () => {
  using object = load()
  object.programs.get('on_raw').attach().close()
  assert.equal(names(object), [])
  const link = object.programs.get('on_raw').attach()
  object.pin()
  assert.equal(readdirSync(`${root}/links/links`), ['on_raw'])
  assert.is(object.links.get('on_raw'), link)
  object.unpin()
})

// before, a raw tracepoint takes a program once (kernel/trace/bpf_trace.c: bpf_probe_register)
needs(
  test,
  'root',
  'bpftool',
  'linux 6.10',
)('two links of one name are not pinned, and closed with the object', () => {
  const object = load()
  const both = [object.programs.get('on_raw').attach(), object.programs.get('on_raw').attach()]
  const ids = both.map(({ id }) => id)
  const error = failure(() => object.pin())
  assert.is(error.code, 'ERR_NAME')
  assert.match(error.message, "two links 'on_raw'")
  assert.equal(readdirSync(root), [])
  object.close()
  assert.equal(ids.map(isThere), [false, false])
})

onKernel('a program that the object is not to attach keeps a link of its own in the process', () => {
  const spec = openObject(fixture('links'), { root })
  spec.programs.get('on_point').autoload = false
  spec.programs.get('on_raw').autoattach = false
  using object = spec.load()
  object.programs.get('on_raw').attach()
  const error = failure(() => object.pin())
  assert.is(error.code, 'ERR_UNPINNABLE')
  assert.match(error.message, "link 'on_raw' is not to be pinned: program 'on_raw' has autoattach: false")
  assert.equal(readdirSync(root), [])
  spec.programs.get('on_raw').link.pinPath = null
  object.pin()
  assert.not(readdirSync(`${root}/links`).includes('links'))
  object.unpin()
})

test.run()
