import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { type Ended, rootThere, runAlone } from './alone.ts'
import { freshProject } from './project.ts'

const project = freshProject()
const main = project.path('node_modules/bpfpin/dist/cli/main.js')
copyFileSync(fixture('execs'), project.path('execs.bpf.o'))
project.write(
  'tool.ts',
  `import { openExecs } from './execs.bpf.o'
  const [root, command] = process.argv.slice(2)
  async function work() {
    const spec = openExecs({ root })
    if (command === 'remove') {
      using execs = spec.loadPinned()
      execs.unpin()
    } else {
      using execs = spec.upgrade()
      for await (const { comm } of execs.maps.events.events({ type: 'started' })) {
        console.log('started', comm)
        break
      }
    }
  }
  void work()
  import { spawnSync } from 'node:child_process'
  if (command !== 'remove') setTimeout(() => spawnSync('true'), 20)`,
)

function bpfpin(...args: string[]): Ended {
  const options = { cwd: project.directory, encoding: 'utf8', timeout: 60_000 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], options)
  return { code: status, stdout, stderr }
}

/** It streams an event, pins, and finds what it pinned. */
function assertWorks(file: string, command: readonly string[], prepare = ''): void {
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = runAlone(file, [...command, rootThere], { prepare })
    assert.is(code, 0, stderr)
    assert.match(stdout, /^started .+\n$/)
  }
  assert.is(runAlone(file, [...command, rootThere, 'remove'], { prepare }).code, 0)
  assert.equal(readdirSync(process.env.BPFPIN_TEST_ROOT!), [])
}

test('a script runs by its name alone', () => {
  const { code, stdout, stderr } = bpfpin('build-tool', 'tool.ts', '-o', 'tool')
  assert.is(code, 0, stderr)
  assert.match(stdout, /^tool: \d+ KB\n$/)
  assertWorks(project.path('tool'), ['./tool'])
})

test('a module has its name', () => {
  const { stdout } = bpfpin('build-tool', 'tool.ts', '-o', 'tool.mjs', '--json')
  const { path, size, warnings } = JSON.parse(stdout) as { path: string; size: number; warnings: string[] }
  assert.is(path, project.path('tool.mjs'))
  assert.is(size, statSync(path).size)
  assert.equal(warnings, [])
  assertWorks(path, ['./tool.mjs'])
})

test('a program needs no node', () => {
  const { code, stderr } = bpfpin('build-tool', 'tool.ts', '-o', 'tool-alone', '--sea')
  assert.is(code, 0, stderr)
  const hide = `mount --bind /dev/null ${process.execPath}`
  assertWorks(project.path('tool-alone'), ['./tool-alone'], hide)
  unlinkSync(project.path('tool-alone'))
})

test('what is wrong with the sources is said as esbuild says it, and nothing is left', () => {
  project.write('wrong.ts', `import { nothing } from './nothing.ts'\nconsole.log(nothing)`)
  const { code, stderr } = bpfpin('build-tool', 'wrong.ts', '-o', 'wrong.mjs')
  assert.is(code, 1)
  assert.match(stderr, `bpfpin: cannot make a tool of 'wrong.ts'`)
  assert.match(stderr, 'wrong.ts:1: Could not resolve "./nothing.ts"')
  assert.not.ok(existsSync(project.path('wrong.mjs')))
  assert.equal(
    readdirSync(project.directory).filter(name => name.startsWith('.')),
    [],
  )
})

test('a file that is no object is named, with what it should be', () => {
  project.write('text.bpf.o', 'no object')
  project.write('text.ts', `import './text.bpf.o'`)
  const { code, stderr } = bpfpin('build-tool', 'text.ts', '-o', 'text.mjs')
  assert.is(code, 1)
  assert.match(stderr, 'ERR_ELF')
})

test('for a processor whose native part is not installed the error has the command that installs it', () => {
  const other = process.arch === 'x64' ? 'arm64' : 'x64'
  const { code, stderr } = bpfpin('build-tool', 'tool.ts', '-o', 'other.mjs', '--arch', other)
  assert.is(code, 1)
  const { version } = JSON.parse(readFileSync(project.path('node_modules/koffi/package.json'), 'utf8')) as {
    version: string
  }
  assert.match(stderr, `npm install --no-save --force @koromix/koffi-linux-${other}@${version}`)
})

test('where it cannot be written the error says why, and the source is never overwritten', () => {
  const nowhere = bpfpin('build-tool', 'tool.ts', '-o', 'not-there/tool')
  assert.is(nowhere.code, 1)
  assert.match(nowhere.stderr, `writing '${project.path('not-there/tool')}': ENOENT`)
  const itself = bpfpin('build-tool', 'tool.ts', '-o', './tool.ts')
  assert.is(itself.code, 1)
  assert.match(itself.stderr, "'tool.ts' would take its own place")
})

test('without esbuild the error says what to install', () => {
  unlinkSync(project.path('node_modules/esbuild'))
  const { code, stderr } = bpfpin('build-tool', 'tool.ts', '-o', 'none.mjs')
  symlinkSync(new URL('../../node_modules/esbuild', import.meta.url), project.path('node_modules/esbuild'))
  assert.is(code, 1)
  assert.match(stderr, 'npm install --save-dev esbuild')
})

test('a command line that asks for nothing sensible is refused', () => {
  const wrong: [string[], string][] = [
    [['tool.ts'], "option '--output' is missing"],
    [['tool.ts', '-o', 'node_modules'], "'node_modules' is a directory"],
    [['tool.ts', '-o', 'x', '--node', 'y'], "option '--node' is for '--sea'"],
    [['tool.ts', '-o', 'x', '--sea', '--arch', 'x64'], "'--arch' and '--libc' say nothing with '--sea'"],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = bpfpin('build-tool', ...args)
    assert.is(code, 2)
    assert.match(stderr, message)
  }
  const { stderr } = bpfpin('build-tool', 'tool.ts', '-o', 'x', '--libc', 'uclibc')
  assert.match(stderr, "option 'libc' is glibc or musl, or a list of them, and not uclibc")
})

test.run()
