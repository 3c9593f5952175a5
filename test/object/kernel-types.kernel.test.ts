// The types of the running kernel, which are mapped where the kernel can do that and something has made a system call before.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Btf } from '../../src/btf/index.ts'
import { readBtfFile } from '../../src/object/btf-file.ts'
import { fileSystemType } from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'

const vmlinux = '/sys/kernel/btf/vmlinux'
const directory = mkdtempSync(join(tmpdir(), 'bpfpin-kernel-types-'))
test.before(() => void fileSystemType('/'))
test.after(() => rmSync(directory, { recursive: true }))

/** How many times this process has a file mapped. */
const mappings = (path: string): number => readFileSync('/proc/self/maps', 'utf8').split(path).length - 1

/** Reads a file, and by how many its mappings have become more. */
function read(path: string): { btf: Btf; mapped: number } {
  const before = mappings(path)
  const btf = readBtfFile(path)
  return { btf, mapped: mappings(path) - before }
}

/** Names of all types, and what they have of others. */
const contents = (btf: Btf): string =>
  Array.from(btf.ids(), id => `${btf.kindOf(id)} ${btf.nameOf(id)}`).join()

needs(
  test,
  'linux 6.16',
  vmlinux,
)('the types of the kernel are mapped, not read, and are those of the file', () => {
  const { btf, mapped } = read(vmlinux)
  assert.is(mapped, 1)
  assert.is(Buffer.compare(btf.bytes, readFileSync(vmlinux)), 0)
})

needs(
  test,
  'linux 6.16',
  vmlinux,
)('their bytes may be written to, which changes no type', () => {
  const { btf } = read(vmlinux)
  btf.bytes.fill(0xff)
  // two pointers, in every kernel
  assert.is(btf.find('list_head', 'struct')?.size, 16)
})

needs(test, vmlinux)('the same types in a file anywhere else are read: it might be cut off', () => {
  const path = join(directory, 'vmlinux')
  writeFileSync(path, readFileSync(vmlinux))
  const { btf, mapped } = read(path)
  assert.is(mapped, 0)
  assert.is(contents(btf), contents(readBtfFile(vmlinux)))
})

test.run()
