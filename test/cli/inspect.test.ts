import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpfpin, bpfpinIn, bpfpinJson, commandLine } from './bpfpin.ts'

interface Inspected {
  readonly name: string
  readonly path: string
  readonly byteOrder: string
  readonly license: string
  readonly maps: readonly Record<string, unknown>[]
  readonly programs: readonly { name: string; section: string; instructions: number }[]
  readonly variables: readonly Record<string, unknown>[]
  readonly externs: readonly Record<string, unknown>[]
}

const inspect = (name: string): Inspected => bpfpinJson('inspect', fixture(name))
const byName = (list: readonly Record<string, unknown>[], name: string): unknown =>
  list.find(item => item.name === name)

test('maps are shown as the C source defines them', () => {
  const { maps } = inspect('counter')
  const common = { flags: 0, key: 'u32' }
  assert.equal(byName(maps, 'by_process'), {
    ...{ name: 'by_process', type: 'hash', keySize: 4, valueSize: 32, maxEntries: 1024 },
    ...{ ...common, value: 'struct tally' },
  })
  assert.equal(byName(maps, 'per_cpu'), {
    ...{ name: 'per_cpu', type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 1 },
    ...{ ...common, value: 'u64' },
  })
  assert.equal(
    maps.map(({ name }) => name),
    ['per_cpu', 'by_process', 'totals', '.rodata', '.data', '.bss'],
  )
})

test('variables are shown with the values that they start with', () => {
  const { variables } = inspect('counter')
  assert.equal(byName(variables, 'weight'), {
    ...{ name: 'weight', map: '.data', type: 'u64', offset: 0, size: 8, value: 1 },
  })
  assert.equal(byName(variables, 'only_pid'), {
    ...{ name: 'only_pid', map: '.rodata', type: 'const volatile u32', offset: 0, size: 4, value: 0 },
  })
  assert.equal(Object.keys(byName(variables, 'entered') as object).includes('value'), false)
})

for (const name of ['counter', 'functions', 'elf-big-endian']) {
  needs(test, 'llvm-readelf-19')(`programs of '${name}' are as long as llvm-readelf says`, () => {
    const { programs } = inspect(name)
    assert.ok(programs.length > 0)
    for (const { name: program, instructions } of programs) {
      assert.is(instructions * 8, sizeOfFunction(name, program), program)
    }
  })
}

function sizeOfFunction(object: string, name: string): number {
  const lines = execFileSync('llvm-readelf-19', ['--symbols', '--wide', fixture(object)], {
    encoding: 'utf8',
  })
  const columns = lines
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .find(line => line[3] === 'FUNC' && line[7] === name)
  return Number(columns?.[2])
}

test('a big-endian object is read, with its values', () => {
  const { byteOrder, variables, externs, license } = inspect('elf-big-endian')
  assert.is(byteOrder, 'big')
  assert.is(license, 'GPL')
  assert.equal(
    ['initialised', 'replaceable', 'limit', 'text'].map(
      name => (byName(variables, name) as { value: unknown }).value,
    ),
    [5, 7, 100, 'a string'],
  )
  assert.equal(byName(externs, 'LINUX_KERNEL_VERSION'), {
    ...{ name: 'LINUX_KERNEL_VERSION', kind: 'kconfig', type: 'const u32', weak: false },
  })
})

test('an inner map is shown with the map that holds it', () => {
  const outer = byName(inspect('map-kinds').maps, 'outer') as { inner: Record<string, unknown> }
  assert.is(outer.inner.type, 'hash')
  assert.is(outer.inner.maxEntries, 4)
})

test('where the object would be pinned follows --root and the file name', () => {
  const { name, path } = bpfpinJson<Inspected>('inspect', fixture('counter'), '--root', '/sys/fs/bpf/team')
  assert.equal({ name, path }, { name: 'counter', path: '/sys/fs/bpf/team/counter' })
})

test('without --json the same is there to read', () => {
  const { code, stdout, stderr } = bpfpin('inspect', fixture('counter'))
  assert.is(code, 0)
  assert.is(stderr, '')
  assert.match(stdout, /^counter {2}little-endian, licence GPL/)
  assert.match(stdout, /^ {2}by_process +hash +u32 \(4 B\) -> struct tally \(32 B\) +max 1024$/m)
  assert.match(stdout, /^ {2}on_exit +tracepoint +SEC\("tracepoint\/raw_syscalls\/sys_exit"\)/m)
  assert.match(stdout, /^ {2}weight +\.data +u64 += 1$/m)
})

/** As on a machine for which there is no koffi. */
const withoutKoffi = {
  node: [
    '--import',
    `data:text/javascript,${encodeURIComponent(`
      import Module from 'node:module'
      const resolve = Module._resolveFilename
      Module._resolveFilename = (name, ...rest) => {
        if (name.startsWith('koffi')) throw new Error('no koffi')
        return resolve(name, ...rest)
      }`)}`,
  ],
}

test('it needs no koffi, and what needs it says so', () => {
  const { code, stdout } = bpfpinIn(withoutKoffi, 'inspect', fixture('counter'), '--json')
  assert.is(code, 0)
  assert.is(JSON.parse(stdout).name, 'counter')

  const failed = bpfpinIn(withoutKoffi, 'ls')
  assert.is(failed.code, 1)
  assert.match(failed.stderr, /^bpfpin: cannot list what is pinned\n {2}cannot load koffi/)
})

test('a file that is not there, and one that is no object, are told apart', () => {
  assert.equal(bpfpin('inspect', '/no/such/file.o'), {
    code: 1,
    stdout: '',
    stderr:
      "bpfpin: cannot inspect '/no/such/file.o'\n  reading object '/no/such/file.o': there is no such file\n",
  })
  const { code, stderr } = bpfpin('inspect', new URL(import.meta.url).pathname)
  assert.is(code, 1)
  const [what, why, todo, ...others] = stderr.trimEnd().split('\n')
  assert.match(what!, /^bpfpin: cannot inspect '.*inspect\.test\.ts'$/)
  assert.match(why!, 'not an ELF file')
  assert.is(todo, '  OBJECT must be what clang makes with -target bpf -c')
  assert.equal(others, [])
})

test('with --json an error is the one document on stdout, with its place', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bpfpin-cli-'))
  try {
    writeFileSync(join(dir, 'broken.o'), 'not an object')
    const { code, stdout } = bpfpin('inspect', join(dir, 'broken.o'), '--json')
    assert.is(code, 1)
    const { error } = JSON.parse(stdout)
    assert.is(error.code, 'ERR_ELF')
    assert.match(error.where, 'ELF header')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a reader that closes the pipe early is no error', async () => {
  const [command = '', ...args] = commandLine('inspect', fixture('maps-1024'), '--json')
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', data => (stderr += data))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise(resolve => child.on('close', resolve))
  assert.equal({ code, stderr }, { code: 0, stderr: '' })
})

needs(test, '/dev/full')('a full disk is an error', () => {
  const [command = '', ...args] = commandLine('inspect', fixture('counter'))
  const { status, stderr } = spawnSync('sh', ['-c', 'exec "$@" >/dev/full', 'sh', command, ...args], {
    encoding: 'utf8',
  })
  assert.is(status, 1)
  assert.match(stderr, /^bpfpin: cannot write to stdout: ENOSPC/)
})

/** On a terminal of a person: node takes one with CI in its environment for one without colours. */
function inTerminal(env: NodeJS.ProcessEnv, ...args: string[]): string {
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...others } = process.env
  const command = commandLine(...args).join(' ')
  return execFileSync('script', ['--quiet', '--command', command, '/dev/null'], {
    encoding: 'utf8',
    env: { ...others, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

needs(test, 'script')('there is colour on a terminal, and with NO_COLOR none', () => {
  assert.ok(inTerminal({}, 'inspect', fixture('counter')).includes('\x1b[1mcounter\x1b[22m'))
  assert.ok(!inTerminal({ NO_COLOR: '1' }, 'inspect', fixture('counter')).includes('\x1b['))
  assert.ok(!bpfpin('inspect', fixture('counter')).stdout.includes('\x1b['))
})

test('--btf c prints the types of an object, or of any file that has them', () => {
  const { code, stdout } = bpfpin('inspect', '--btf', 'c', fixture('counter'))
  assert.is(code, 0)
  assert.match(stdout, /^struct tally \{\n\tu64 calls;\n\tu64 weighted;\n\tchar comm\[16\];\n\};$/m)
  const { declarations } = bpfpinJson<{ declarations: string }>('inspect', '--btf', 'c', fixture('counter'))
  assert.is(declarations.trimEnd(), stdout.trimEnd())
})

test('--btf tells of another format, and of a file without types', () => {
  const wrong = bpfpin('inspect', '--btf', 'go', fixture('counter'))
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, "option '--btf' takes c, not 'go'")
  const none = bpfpin('inspect', '--btf', 'c', '/dev/null')
  assert.is(none.code, 1)
  assert.match(none.stderr, /cannot inspect '\/dev\/null'/)
  const gone = bpfpin('inspect', '--btf', 'c', '/sys/kernel/btf/no_such_module')
  assert.is(gone.code, 1)
  assert.match(gone.stderr, 'no module of that name is loaded')
})

test.run()
