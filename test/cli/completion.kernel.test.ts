import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { completionScripts } from '../../src/cli/completion-scripts.ts'
import { declarations } from '../../src/cli/declarations.ts'
import { needs } from '../requirements.ts'
import { inProcess } from './in-process.ts'
import { pinFixture, root, unpinAll } from './pinned.ts'

const inBash = needs(test, 'root', 'bash')
const directory = mkdtempSync(join(tmpdir(), 'bpfpin-completion-'))
const commands = await declarations()

for (const [shell, make] of Object.entries(completionScripts))
  writeFileSync(join(directory, shell), make(commands))

test.after.each(unpinAll)
test.after(() => rmSync(directory, { recursive: true }))

function run(shell: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', cwd: directory })
  assert.is(stderr, '')
  return stdout
}

/** What bash would offer for the last word. */
function offered(...words: string[]): string[] {
  const line = ['bpfpin', ...words]
  const script =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    'source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bpfpin; printf "%s\\n" "${COMPREPLY[@]}"'
  return run('bash', '-c', script, 'bash', ...line)
    .split('\n')
    .filter(Boolean)
}

inBash('bash completes commands, and the options of each', () => {
  assert.equal(offered('do'), ['doctor'])
  for (const { name, options } of commands) {
    const names = [...Object.keys(options), 'root', 'json', 'help'].map(option => `--${option}`)
    assert.equal(offered(name, '--').sort(), names.sort())
  }
  assert.equal(offered('pin', 'x.o', '--on-mismatch', 'convert'), ['convert', 'convert-lossy'])
  assert.equal(offered('pin', '--wait', ''), [])
})

inBash('bash completes objects and maps that are pinned, below the root that the line names', () => {
  pinFixture('functions', 'my.service')
  pinFixture('functions')
  for (const command of ['unpin', 'rollback', 'ls', 'set']) {
    assert.equal(offered(command, '--root', root, ''), ['functions', 'my.service'])
  }
  assert.equal(offered('unpin', '--wait', '3', '--root', root, 'my'), ['my.service'])
  // it has all of its operands
  assert.equal(offered('unpin', '--root', root, 'functions', ''), [])
  assert.equal(
    offered('dump', '--root', root, 'functions/').sort(),
    ['functions/maps/.bss', 'functions/maps/.rodata', 'functions/maps/numbers'].sort(),
  )
})

inBash('a name that somebody else gave is not run, and comes quoted', () => {
  const name = `$(touch touched) 'x' \`touch touched\``
  mkdirSync(join(root, name))
  const [only = '', ...others] = offered('unpin', '--root', root, '')
  assert.equal(others, [])
  assert.is(run('bash', '-c', `printf %s ${only}`), name)
  assert.is(existsSync(join(directory, 'touched')), false)
  rmdirSync(join(root, name))
})

inBash('bash completes object files and directories where OBJECT stands', () => {
  writeFileSync(join(directory, 'a.bpf.o'), '')
  writeFileSync(join(directory, 'a.c'), '')
  assert.equal(offered('pin', 'a'), ['a.bpf.o'])
  assert.equal(offered('plan', 'a.bpf.o', '--against', 'a'), ['a.bpf.o'])
})

needs(
  test,
  'root',
  'fish',
)('fish completes commands, options and what is pinned', () => {
  pinFixture('functions', 'my.service')
  const complete = (line: string): string[] =>
    run('fish', '--no-config', '-c', `source ./fish; complete -C '${line}'`)
      .split('\n')
      .filter(Boolean)
      .map(offer => offer.split('\t')[0]!)
  assert.equal(complete('bpfpin do'), ['doctor'])
  assert.equal(complete('bpfpin pin --no-'), ['--no-attach'])
  assert.equal(complete(`bpfpin unpin --root ${root} m`), ['my.service'])
  assert.equal(complete(`bpfpin dump --root ${root} my:service/maps/n`), ['my:service/maps/numbers'])
})

needs(
  test,
  'root',
  'zsh',
)('zsh takes the script, and its functions find what is pinned', () => {
  pinFixture('functions', 'my.service')
  const script = `
    autoload -U compinit && compinit -u -D
    source ./zsh
    print -r -- $_comps[bpfpin]
    compadd() { shift; print -rl -- "$@" }
    words=(bpfpin unpin --root ${root} '')
    _bpfpin_pinned; _bpfpin_maps`
  assert.equal(run('zsh', '-f', '-c', script).trim().split('\n'), [
    '_bpfpin',
    'my.service',
    ...['my:service/maps/.bss', 'my:service/maps/.rodata', 'my:service/maps/numbers'],
  ])
})

test('a shell for which there is no script is wrong usage', async () => {
  const { code, stderr } = await inProcess('completion', 'csh')
  assert.is(code, 2)
  assert.match(stderr, "there are scripts for bash, zsh, fish, not for 'csh'")
})

test.run()
