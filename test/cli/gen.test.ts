import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { inProcess } from './in-process.ts'

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-gen-'))
  try {
    await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the module is printed, and with --output written', () =>
  inDirectory(async directory => {
    const printed = await inProcess('gen', fixture('counter'))
    const path = join(directory, 'counter.ts')
    const written = await inProcess('gen', fixture('counter'), '-o', path)
    assert.equal([printed.code, written.code], [0, 0])
    assert.is(written.stdout, `${path}\n`)
    assert.is(readFileSync(path, 'utf8'), printed.stdout)
    assert.match(printed.stdout, 'export function openCounter(')
  }))

test('JavaScript is written with its declarations beside it', () =>
  inDirectory(async directory => {
    const path = join(directory, 'counter.mjs')
    const { code, stdout } = await inProcess('gen', fixture('counter'), '--output', path, '--json')
    assert.is(code, 0)
    const declarations = join(directory, 'counter.d.mts')
    assert.equal(JSON.parse(stdout), {
      files: [
        { path, written: true },
        { path: declarations, written: true },
      ],
    })
    assert.match(readFileSync(declarations, 'utf8'), 'export declare function openCounter(')
  }))

test('a file that is so already is not written again', () =>
  inDirectory(async directory => {
    const path = join(directory, 'counter.ts')
    await inProcess('gen', fixture('counter'), '-o', path)
    utimesSync(path, 1, 1)
    const { stdout } = await inProcess('gen', fixture('counter'), '-o', path)
    assert.is(stdout, `${path} is up to date\n`)
    assert.is(statSync(path).mtimeMs, 1000)
  }))

test('another name gives other functions', async () => {
  const { stdout } = await inProcess('gen', fixture('counter'), '--name', 'sys-calls')
  assert.match(stdout, 'export function openPinnedSysCalls(')
  assert.match(stdout, "name: 'sys-calls'")
})

test('a file that is no module is refused before anything is read', async () => {
  for (const path of ['x.cts', 'x.d.ts', '.ts', 'x']) {
    const { code, stderr } = await inProcess('gen', 'no such object', '-o', path)
    assert.is(code, 2, path)
    assert.match(stderr, `not '${path}'`)
  }
})

test('a type that is not there, and a directory that is not there, are told', async () => {
  const { code, stderr } = await inProcess('gen', fixture('counter'), '--type', 'taly')
  assert.is(code, 1)
  assert.match(stderr, /no struct, union or enum 'taly'; did you mean 'tally'\?/)
  const nowhere = await inProcess('gen', fixture('counter'), '-o', '/no/such/directory/x.ts')
  assert.is(nowhere.code, 1)
  assert.match(nowhere.stderr, "writing '/no/such/directory/x.ts': ENOENT")
  assert.not(existsSync('/no/such/directory'))
})

test.run()
