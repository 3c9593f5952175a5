import { execFileSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { type BuildOptions, build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BundleOptions } from '../../src/esbuild/index.ts'
import { fixture } from '../fixtures.ts'
import { mountOver, rootThere, runAlone, type Surroundings } from './alone.ts'
import { freshProject } from './project.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const project = freshProject()
// the plugin as it is in the package
const { default: bpfpin }: typeof import('../../src/esbuild/index.ts') = await import(
  project.path('node_modules/bpfpin/dist/esbuild/index.js')
)
copyFileSync(fixture('execs'), project.path('execs.bpf.o'))
copyFileSync(new URL('tool-execs.ts.txt', import.meta.url), project.path('tool.ts'))

/** Builds `tool.EXTENSION`; the result is its path. */
async function bundle(
  name: string,
  options: BuildOptions = {},
  plugin: BundleOptions = {},
  entry = 'tool.ts',
): Promise<string> {
  const outfile = project.path(`out/${name}`)
  await build({
    entryPoints: [project.path(entry)],
    outfile,
    bundle: true,
    format: 'esm',
    minify: true,
    logLevel: 'silent',
    plugins: [bpfpin({ types: ['started'], ...plugin })],
    ...options,
  })
  return outfile
}

const tool = await bundle('tool.mjs')

const pin = ['--root', rootThere]
const remove = ['--root', rootThere, '--remove']

/** Runs it, sees that it does its work, and removes what it pinned. */
function assertWorks(file: string, command: readonly string[], surroundings: Surroundings = {}): void {
  const { code, stdout, stderr } = runAlone(file, [...command, ...pin], surroundings)
  assert.is(code, 0, stderr)
  assert.is(stdout.match(event)?.length, 3, stdout)
  assert.equal(runAlone(file, [...command, ...remove], surroundings), { code: 0, stdout: '', stderr: '' })
  assert.equal(readdirSync(root), [])
}

/** A line for an event, by its type in the object. */
const event = /^\d+ [1-9]\d* USER_(ROOT|OTHER) .+$/gm

function before(stdout: string): number {
  return Number(/^(\d+) programs before$/m.exec(stdout)![1])
}

test('one file, alone in an empty directory, loads, attaches, streams typed events and pins; and finds it again', () => {
  const first = runAlone(tool, ['node', 'tool.mjs', ...pin])
  assert.is(first.code, 0, first.stderr)
  assert.is(first.stdout.match(event)?.length, 3, first.stdout)
  const links = execFileSync('find', [`${root}/execs/links`, '-type', 'f'], { encoding: 'utf8' })
  assert.is(links.trim(), `${root}/execs/links/on_exec`)
  // what counts goes on: the first run has seen three, and `find` was started, too
  const again = runAlone(tool, ['node', 'tool.mjs', ...pin])
  assert.is(again.code, 0, again.stderr)
  assert.ok(before(again.stdout) >= before(first.stdout) + 4, again.stdout)
  assert.match(runAlone(tool, ['node', 'tool.mjs', '--total', ...pin]).stdout, /^[1-9]\d* programs$/m)
  assert.is(runAlone(tool, ['node', 'tool.mjs', ...remove]).code, 0)
})

test('it has at most 700 KB', () => {
  assert.ok(statSync(tool).size <= 700 * 1024, `${statSync(tool).size}`)
})

test('it is the same where the build has conditions of its own', async () => {
  const file = await bundle('tool-conditions.mjs', { conditions: ['production'] })
  assertWorks(file, ['node', 'tool-conditions.mjs'])
})

test('it is the same as a CommonJS module', async () => {
  project.write(
    'cjs.ts',
    readFileSync(project.path('tool.ts'), 'utf8').replace(
      /^if \(options.total.*/ms,
      'main()\nasync function main() {\n$&}\n',
    ),
  )
  const file = await bundle('tool.cjs', { format: 'cjs' }, {}, 'cjs.ts')
  assertWorks(file, ['node', 'tool.cjs'])
})

test('a directory that is mounted noexec is passed over', () => {
  assertWorks(tool, ['node', 'tool.mjs'], { prepare: 'mount -t tmpfs -o noexec tmpfs /dev/shm' })
})

for (const [options, what] of Object.entries({ noexec: 'executed', ro: 'written' })) {
  test(`where nothing may be ${what} it takes the directory that TMPDIR names`, () => {
    assertWorks(tool, ['node', 'tool.mjs'], {
      prepare: `mkdir /mnt/exec && mount -t tmpfs tmpfs /mnt/exec\n${mountOver(options)}`,
      env: { TMPDIR: '/mnt/exec' },
    })
  })
}

test('where nothing may be executed at all the error names every directory and what to do', () => {
  const { code, stderr } = runAlone(tool, ['node', 'tool.mjs', ...pin], {
    prepare: mountOver('noexec'),
  })
  assert.is(code, 1, stderr)
  for (const place of ['/dev/shm', '/tmp', '/var/tmp', '/mnt/empty', '/run', '/dev']) {
    assert.match(stderr, `${place}: failed to map segment from shared object`)
  }
  assert.match(stderr, "code: 'ERR_NATIVE'")
  assert.match(stderr, "hint: 'set TMPDIR to a directory that can be written to and is not mounted noexec'")
})

test('files without names are not needed, nor is /proc', () => {
  // proc is what the descriptor of such a file is a path in
  const { code, stderr, stdout } = runAlone(tool, ['node', 'tool.mjs', ...remove], {
    prepare: 'mount -t tmpfs tmpfs /proc',
  })
  assert.is(code, 1, stdout)
  assert.match(stderr, 'ERR_NOT_PINNED')
})

test('an error that nobody catches does not print what is embedded', async () => {
  project.write(
    'tool-throws.ts',
    `import { openExecs } from './execs.bpf.o'
    openExecs().maps.get('nothing')`,
  )
  const file = await bundle('tool-throws.mjs', {}, {}, 'tool-throws.ts')
  const { code, stderr } = runAlone(file, ['node', 'tool-throws.mjs'])
  assert.is(code, 1)
  assert.match(stderr, "code: 'ERR_UNKNOWN_NAME'")
  assert.ok(stderr.length < 4000, stderr)
})

test('a source map leads to the sources and has no native part in it', async () => {
  const file = await bundle('tool-mapped.mjs', { sourcemap: 'inline' }, {}, 'tool-throws.ts')
  const { stderr } = runAlone(file, ['node', '--enable-source-maps', 'tool-mapped.mjs'])
  assert.match(stderr, /tool-throws\.ts:2:/)
  assert.ok(stderr.length < 4000, stderr)
  const map = /sourceMappingURL=data:application\/json;base64,(.*)/.exec(readFileSync(file, 'utf8'))![1]!
  // a module's source, or the table of types of a system call; not 240 KB of text without a space
  const { sourcesContent } = JSON.parse(Buffer.from(map, 'base64').toString()) as { sourcesContent: string[] }
  assert.is(sourcesContent.filter(content => /[!-~]{100000}/.test(content)).length, 0)
})

test('worker threads load it each for itself, at once and one after the other', async () => {
  project.write(
    'tool-threads.ts',
    `import { Worker, isMainThread, workerData } from 'node:worker_threads'
    import { openPinned } from 'bpfpin'
    const look = () => { try { openPinned('nothing', { root: process.argv[2] ?? workerData }) } catch (error) { return error.code } }
    const inWorker = () => new Promise((resolve, reject) =>
      new Worker(process.argv[1], { workerData: process.argv[2] }).on('exit', resolve).on('error', reject))
    if (isMainThread) {
      const codes = [look(), ...await Promise.all([inWorker(), inWorker()])]
      for (let i = 0; i < 5; i++) codes.push(await inWorker())
      console.log(codes.join(' '))
    } else process.exit(look() === 'ERR_NOT_PINNED' ? 7 : 1)`,
  )
  const file = await bundle('tool-threads.mjs', {}, {}, 'tool-threads.ts')
  const { stdout, stderr } = runAlone(file, ['node', 'tool-threads.mjs', rootThere])
  assert.is(stdout, `ERR_NOT_PINNED${' 7'.repeat(7)}\n`, stderr)
})

test('a bundle for other machines says so', async () => {
  const file = await bundle('tool-musl.mjs', {}, { libc: 'musl' })
  const { code, stderr } = runAlone(file, ['node', 'tool-musl.mjs', ...pin])
  assert.is(code, 1)
  assert.match(stderr, `this bundle has koffi for ${process.arch}-musl, and this is ${process.arch}-glibc`)
})

test('options that cannot be are refused before anything is built', () => {
  // what JavaScript may say
  const wrong = [{ arch: 'z80' }, { libc: [] }, { types: 'started' }] as unknown as BundleOptions[]
  for (const options of wrong) {
    assert.throws(
      () => bpfpin(options),
      (error: unknown) => (error as { code?: string }).code === 'ERR_VALUE',
    )
  }
})

test('a bundle for several machines runs on this one', async () => {
  const file = await bundle('tool-both.mjs', {}, { libc: ['musl', 'glibc'] })
  assertWorks(file, ['node', 'tool-both.mjs'])
})

test.run()
