// The types of the running kernel where it could map them and does not.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readBtfFile } from '../../src/object/btf-file.ts'
import { bundled } from '../bundled.ts'
import { needs } from '../requirements.ts'

const vmlinux = '/sys/kernel/btf/vmlinux'
const directory = mkdtempSync(join(tmpdir(), 'bpfpin-unmapped-'))
test.after(() => rmSync(directory, { recursive: true }))

needs(
  test,
  'linux 6.16',
  'strace',
  vmlinux,
)('types are read where mapping them fails, at first or in the place of the memory', async () => {
  const program = await bundled(new URL('./kernel-types-program.ts', import.meta.url))
  const log = join(directory, 'calls')
  const run = (...inject: readonly string[]): unknown => {
    const traced = ['-f', '-qq', '-o', log, '-P', vmlinux, '-e', 'trace=mmap', ...inject]
    return JSON.parse(execFileSync('strace', [...traced, process.execPath, ...program], { encoding: 'utf8' }))
  }
  const { count } = readBtfFile(vmlinux)
  assert.equal(run(), { mapped: 1, count, isSame: true })
  for (const call of [1, 2]) {
    const found = run('-e', `inject=mmap:error=ENOMEM:when=${call}`)
    assert.equal(found, { mapped: 0, count, isSame: true })
    const calls = readFileSync(log, 'utf8').trim().split('\n')
    assert.is(calls.length, call)
    assert.match(calls.at(-1)!, call === 1 ? /INJECTED/ : /MAP_FIXED.*INJECTED/)
  }
})

test.run()
