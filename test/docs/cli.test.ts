import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { manualPage } from '../../scripts/reference/manual.ts'
import { markdownPage } from '../../scripts/reference/markdown.ts'
import { commonOptions } from '../../src/cli/command.ts'
import { declarations } from '../../src/cli/declarations.ts'
import { needs } from '../requirements.ts'

const manual = fileURLToPath(new URL('../../man/bpfpin.1', import.meta.url))
const page = new URL('../../docs/cli.md', import.meta.url)
const commands = await declarations()

test('the manual and docs/cli.md are what the commands say of themselves (npm run reference writes them)', () => {
  assert.is(readFileSync(manual, 'utf8'), manualPage(commands))
  assert.is(readFileSync(page, 'utf8'), markdownPage(commands))
})

test('the README has every command in its table, and no other', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const named = new Set(Array.from(readme.matchAll(/^\| `bpfpin ([a-z-]+)/gm), ([, name]) => name))
  assert.equal([...named].sort(), commands.map(({ name }) => name).sort())
})

needs(test, 'groff')('groff has nothing to say about the manual', () => {
  const { status, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', manual], { encoding: 'utf8' })
  assert.equal({ status, stderr }, { status: 0, stderr: '' })
})

needs(test, 'man')('man shows every command with every option', () => {
  const shown = execFileSync('man', ['--warnings', '-l', manual], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '200', LC_ALL: 'C.UTF-8' },
  })
  for (const { name, options } of commands) {
    const part = shown.slice(shown.indexOf(`bpfpin ${name}`))
    for (const option of Object.keys(options)) assert.match(part, `--${option}`, `${name} --${option}`)
  }
  for (const option of Object.keys(commonOptions)) assert.match(shown, `--${option}`)
  assert.match(shown, "'.bss' is pinned as ':bss'")
})

test.run()
