import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openMap, openObject, PinMismatchError } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const withLibbpf = needs(test, 'root', 'gcc', '/usr/include/bpf/libbpf.h')

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-interop-'))
const program = join(scratch, 'reuse')
test.before(() => {
  // the tests say by themselves what they need
  if (commandPath('gcc') === undefined) return
  const source = new URL('./reuse.c', import.meta.url).pathname
  execFileSync('gcc', ['-Wall', '-Werror', '-O2', '-o', program, source, '-lbpf'])
})
test.after(() => rmSync(scratch, { recursive: true }))

/** Runs the program on libbpf: it shares the map at our root, and writes one entry. */
function onLibbpf(key: number, calls: number, maxEntries?: number): Record<string, unknown> {
  const args = [
    fixture('interop-shared'),
    root,
    key,
    calls,
    ...(maxEntries === undefined ? [] : [maxEntries]),
  ]
  const { stdout, stderr } = spawnSync(program, args.map(String), { encoding: 'utf8' })
  assert.is(stderr, '')
  return JSON.parse(stdout)
}

const shared = (): ObjectSpec => openObject(fixture('interop-shared'), { root, layout: 'libbpf' })

withLibbpf('a program on libbpf reuses a map that we pinned, and both see what the other writes', () => {
  using object = shared().load()
  object.pin()
  const tallies = object.maps.get('tallies')
  tallies.set(1, { calls: 10n, flags: 1, comm: 'bpfpin' })
  const theirs = onLibbpf(2, 20)
  assert.equal(theirs, { id: tallies.id, path: `${root}/tallies`, pinned: true })
  assert.equal(tallies.get(2), { calls: 20n, flags: 5, comm: 'libbpf' })
  assert.equal(tallies.get(1), { calls: 10n, flags: 1, comm: 'bpfpin' })
  object.unpin()
  assert.equal(readdirSync(root), [])
})

withLibbpf('we reuse a map that a program on libbpf pinned, and leave its pin to it', () => {
  const theirs = onLibbpf(2, 20)
  assert.is(theirs.pinned, true)
  assert.equal(readdirSync(root), ['tallies'])
  using object = shared().upgrade()
  const tallies = object.maps.get('tallies')
  assert.is(tallies.id, theirs.id)
  assert.equal(tallies.get(2), { calls: 20n, flags: 5, comm: 'libbpf' })
  assert.is(onLibbpf(3, 30).id, theirs.id)
  assert.equal(tallies.get(3), { calls: 30n, flags: 5, comm: 'libbpf' })
  using again = shared().upgrade()
  assert.is(again.maps.get('tallies').id, theirs.id)
  object.unpin()
  assert.equal(readdirSync(root), ['tallies'])
  rmSync(`${root}/tallies`)
})

withLibbpf('each refuses a map of the other that does not fit, and we say what differs', () => {
  const theirs = onLibbpf(1, 1, 32)
  const spec = shared()
  let mismatch: unknown
  try {
    spec.load()
  } catch (error) {
    mismatch = error
  }
  assert.instance(mismatch, PinMismatchError)
  // the class was just asserted
  assert.match((mismatch as PinMismatchError).message, /tallies.*max_entries.*32.*64/s)
  using pinned = openMap(`${root}/tallies`)
  assert.is(pinned.id, theirs.id)
  assert.is([...pinned.keys()].length, 1)
  rmSync(`${root}/tallies`)

  using object = shared().load()
  object.pin()
  // EINVAL, and no word of what
  assert.equal(onLibbpf(1, 1, 32), { failed: 'load', errno: 22 })
  object.unpin()
})

test.run()
