// Names that others chose, and names that are as long or as odd as they can be.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, openPinned } from '../../src/index.ts'
import { listStrangers, objectNames, Root } from '../../src/pin/index.ts'
import { objPin } from '../../src/syscall/index.ts'
import { bpfpin, bpfpinJson } from '../cli/bpfpin.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const loaded = () => openObject(fixture('functions'), { root }).load()

const rootFor = <T>(use: (open: Root) => T): T => {
  using open = Root.find(root)
  assert.ok(open)
  return use(open)
}

test.after.each(() => {
  for (const name of readdirSync(root, { encoding: 'buffer' })) {
    rmSync(Buffer.concat([Buffer.from(`${root}/`), name]), { recursive: true })
  }
})

/** Every byte that bpffs takes in a name: not NUL and /, which no name has, and not the dot, which it keeps for itself. */
const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter(byte => ![0, 0x2e, 0x2f].includes(byte))

onKernel(
  'pins with every byte in their names, in directories with every byte, are listed with their ids',
  () => {
    using object = loaded()
    const { fd, id } = object.maps.get('numbers')
    for (const byte of bytes) {
      const name = Buffer.concat([Buffer.from(`${root}/x`), Buffer.of(byte)])
      mkdirSync(name)
      assert.is(objPin(fd, `${root}/new`), 0)
      renameSync(`${root}/new`, Buffer.concat([name, Buffer.from('/y'), Buffer.of(byte)]))
    }
    const { pins, notes } = rootFor(listStrangers)
    assert.equal(notes, [])
    assert.equal(
      pins.map(pin => pin.id),
      bytes.map(() => id),
    )
    assert.is(new Set(pins.map(({ path }) => path)).size, bytes.length)
    assert.equal(rootFor(objectNames), [])
  },
)

onKernel('the tool shows such names without a byte that a terminal would act on', () => {
  using object = loaded()
  for (const [i, bytes] of [[0x1b, 0x63], [0xff], [0x9b, 0x41], [0x0d]].entries()) {
    assert.is(objPin(object.maps.get('numbers').fd, `${root}/new`), 0)
    renameSync(`${root}/new`, Buffer.concat([Buffer.from(`${root}/x${i}`), Buffer.from(bytes)]))
  }
  const { code, stdout } = bpfpin('ls', '--root', root)
  assert.is(code, 0)
  for (const shown of ['x0\\u{1b}c', 'x1\\xff', 'x2\\x9bA', 'x3\\u{d}']) assert.match(stdout, shown)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  assert.not.match(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd]/)
  const { other } = bpfpinJson('ls', '--root', root) as { other: { path: string }[] }
  assert.equal(
    other.map(({ path }) => path.slice(root.length + 1)),
    ['x0\u001bc', 'x1\udcff', 'x2\udc9bA', 'x3\r'],
  )
})

onKernel('an object may have every character in its name, and is found and listed by it', () => {
  const characters = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join('')
  // a control character takes three bytes of a name, which has 250
  const names = characters.match(/.{1,80}/gs) ?? []
  assert.is(names.join(''), characters)
  for (const name of names) {
    using pinned = openObject(fixture('functions'), { root, name }).upgrade()
    using found = openPinned(pinned.pinPath)
    assert.is(found.name, name)
    assert.is(found.programs.size, pinned.programs.size)
  }
  assert.equal(rootFor(objectNames).sort(), [...names].sort())
  // what the kernel has for names, as another program reads them
  const listed = execFileSync('ls', ['-N', root], { encoding: 'latin1' })
  assert.not.match(listed, '.')
})

onKernel('a name or a path that is too long is refused with its length, and nothing is made', () => {
  const longest = 'n'.repeat(250)
  using object = openObject(fixture('functions'), { root, name: longest }).upgrade()
  object.unpin()
  const name = failure(() => openObject(fixture('functions'), { root, name: `${longest}n` }).upgrade())
  assert.is(name.code, 'ERR_NAME')
  assert.match(name.message, /251 bytes, at most 250/)
  // PATH_MAX is 4096 with the NUL (include/uapi/linux/limits.h)
  const deep = `${root}/${'directory/'.repeat(410)}`.slice(0, -1)
  assert.ok(deep.length > 4095)
  for (const call of [
    () => openObject(fixture('functions'), { root: deep }).upgrade(),
    () => openPinned('functions', { root: deep }),
  ]) {
    const error = failure(call)
    assert.is(error.code, 'ENAMETOOLONG')
    assert.ok(error.path === deep)
  }
  const spec = openObject(fixture('functions'), { root })
  spec.maps.get('numbers').pinPath = `${root}/${'p'.repeat(256)}`
  assert.is(failure(() => spec.upgrade()).code, 'ENAMETOOLONG')
  assert.equal(readdirSync(root), [])
})

test.run()
