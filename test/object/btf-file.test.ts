// Files that are said to hold the types of a kernel, and do not.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readBtfFile } from '../../src/object/btf-file.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'bpfpin-btf-file-'))
const path = join(directory, 'vmlinux')
test.after(() => rmSync(directory, { recursive: true }))

/** The object with a field of its ELF header changed (gABI, chapter 4). */
function withHeader(change: (view: DataView) => void): string {
  const bytes = new Uint8Array(readFileSync(fixture('core-kernel')))
  change(new DataView(bytes.buffer))
  writeFileSync(path, bytes)
  return path
}

test('an object is read as it is', () => {
  assert.ok(readBtfFile(withHeader(() => {})).count > 10)
})

for (const offset of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
  test(`section headers at 0x${offset.toString(16)} are refused: no file has them`, () => {
    const error = failure(() => readBtfFile(withHeader(view => view.setBigUint64(40, offset, true))))
    assert.is(error.message, `${path}: is an ELF file without a .BTF section`)
  })
}

test('section names in a section that there is none of are refused', () => {
  const error = failure(() => readBtfFile(withHeader(view => view.setUint16(62, 0xfffe, true))))
  assert.is(error.code, 'ERR_BTF')
})

test('a file of 16 GiB, all holes, is refused before memory is taken for it', () => {
  writeFileSync(path, '')
  truncateSync(path, 2 ** 34)
  const error = failure(() => readBtfFile(path))
  assert.match(error.message, /has 17179869184 bytes of types, more than the 268435456 that are read/)
})

test('a pipe and a directory are refused at once', () => {
  rmSync(path)
  assert.is(spawnSync('mkfifo', [path]).status, 0)
  assert.is(failure(() => readBtfFile(path)).message, `${path}: is not a file`)
  assert.is(failure(() => readBtfFile(directory)).message, `${directory}: is not a file`)
})

test.run()
