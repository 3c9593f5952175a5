import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { freshProject } from '../esbuild/project.ts'
import { fixture } from '../fixtures.ts'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
const project = freshProject()
const installed = project.path('node_modules/bpfpin')
const files = packAndInstall()

/** Has npm pack what was built, and puts that in its place; the result is what is in it. */
function packAndInstall(): string[] {
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'man']) {
    cpSync(join(checkout, name), join(installed, name), { recursive: true })
  }
  const options = ['pack', '--ignore-scripts', '--json', '--pack-destination', project.directory]
  const printed = execFileSync('npm', options, {
    cwd: installed,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [packed] = Object.values(
    JSON.parse(printed) as Record<string, { filename: string; files: { path: string }[] }>,
  )
  rmSync(installed, { recursive: true })
  mkdirSync(installed)
  execFileSync('tar', ['-xzf', project.path(packed!.filename), '--strip-components=1', '-C', installed])
  return packed!.files.map(({ path }) => path)
}

function tsc(options: Record<string, unknown>, ...sources: string[]): string {
  const base = {
    strict: true,
    noEmit: true,
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
  }
  project.write('tsconfig.json', JSON.stringify({ compilerOptions: { ...base, ...options }, files: sources }))
  const compiler = join(checkout, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', project.path('tsconfig.json')], {
    encoding: 'utf8',
  })
  return stdout
}

test('the package is the built sources and what people read, and runs nothing when it is installed', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
    dependencies: Record<string, string>
    exports: Record<string, string | Record<string, string>>
    bin: Record<string, string>
  }
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    assert.not.ok(script in manifest.scripts)
  assert.equal(Object.keys(manifest.dependencies), ['koffi'])
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'])
    assert.ok(files.includes(name), name)
  const others = files.filter(path => !/^(dist|man)\//.test(path) && path.includes('/'))
  assert.equal(others, [])
  for (const entry of [...Object.values(manifest.exports), manifest.bin]) {
    for (const path of typeof entry === 'string' ? [entry] : Object.values(entry)) {
      assert.ok(files.includes(path.replace('./', '')), path)
    }
  }
})

test('each entry type-checks under both resolutions, with the types of koffi and esbuild', () => {
  cpSync(join(checkout, 'node_modules/@types'), project.path('node_modules/@types'), {
    recursive: true,
    dereference: true,
  })
  cpSync(join(checkout, 'node_modules/undici-types'), project.path('node_modules/undici-types'), {
    recursive: true,
  })
  copyFileSync(fixture('counter'), project.path('counter.bpf.o'))
  const main = join(installed, 'dist/cli/main.js')
  execFileSync(process.execPath, [main, 'gen', 'counter.bpf.o', '-o', 'counter.js'], {
    cwd: project.directory,
  })
  // what the plugin writes beside an object
  copyFileSync(project.path('counter.d.ts'), project.path('counter.bpf.d.o.ts'))
  project.write(
    'use.ts',
    `import { BpfError, openObject } from 'bpfpin'
    import { Btf } from 'bpfpin/btf'
    import { parseElf } from 'bpfpin/elf'
    import bpfpin, { type BundleOptions } from 'bpfpin/esbuild'
    import type { Plugin } from 'esbuild'
    import { openCounter } from './counter.bpf.o'
    const options: BundleOptions = { arch: ['x64', 'arm64'], libc: 'musl' }
    const plugin: Plugin = bpfpin(options)
    using counter = openCounter().upgrade()
    const tally = counter.maps.by_process.get(1)?.calls satisfies bigint | undefined
    // @ts-expect-error: there is no such processor
    bpfpin({ arch: 'z80' })
    // @ts-expect-error: there is no such map
    counter.maps.by_proces
    export { BpfError, Btf, openObject, parseElf, plugin, tally }`,
  )
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const options = {
      module,
      moduleResolution,
      allowArbitraryExtensions: true,
      exactOptionalPropertyTypes: true,
    }
    assert.is(tsc(options, 'use.ts'), '', module)
  }
})

test('it is imported and required, and its tool runs', () => {
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, args, { cwd: project.directory, encoding: 'utf8' })
  const use = `const { openObject } = LOAD; console.log(openObject('counter.bpf.o').name)`
  assert.is(run('--input-type=module', '-e', use.replace('LOAD', `await import('bpfpin')`)), 'counter\n')
  assert.is(
    run('--no-warnings', '--input-type=commonjs', '-e', use.replace('LOAD', `require('bpfpin')`)),
    'counter\n',
  )
  assert.match(run(join(installed, 'dist/cli/main.js'), 'inspect', 'counter.bpf.o'), 'by_process')
})

/** What a file of dist/ imports at its start, as it names it. */
function importsOf(name: string): string[] {
  const text = readFileSync(join(installed, 'dist', name), 'utf8')
  const found = text.matchAll(/^(?:import|export)[^'"]* from ["']([^'"]+)["'];$/gm)
  return [...new Set(Array.from(found, match => match[1]!))].sort()
}

test('what node imports is in few files, as each takes it time', () => {
  for (const name of ['index.js', 'elf.js', 'btf.js']) assert.equal(importsOf(name), ['./errors.js'])
  assert.equal(importsOf('errors.js'), [])
})

test('the tool starts without the library, which a command loads: help and the version have less than 60 KB', () => {
  const loaded = new Set(['cli/main.js'])
  // a set takes more while it is gone through
  for (const name of loaded) for (const other of importsOf(name)) loaded.add(join(dirname(name), other))
  const size = [...loaded].reduce((sum, name) => sum + statSync(join(installed, 'dist', name)).size, 0)
  assert.ok(loaded.size > 5 && size < 60_000, `${size} bytes in ${[...loaded].join(' ')}`)
})

test('what is in the package refers to nothing outside of it', () => {
  const sources = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.js'),
  )
  const named = sources.flatMap(name => {
    const text = readFileSync(join(installed, 'dist', name), 'utf8')
    return [...text.matchAll(/^(?:import|export)[^'"]* from ['"]([^.'"][^'"]*)['"]/gm)].map(
      match => match[1]!,
    )
  })
  assert.equal(
    named.filter(name => !name.startsWith('node:')),
    [],
  )
})

test.run()
