import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { freshProject } from '../esbuild/project.ts'
import { fixture } from '../fixtures.ts'

const project = freshProject()
const root = process.env.BPFPIN_TEST_ROOT!
const dist = project.path('node_modules/bpfpin/dist')
for (const name of ['counter', 'counter-wider', 'events'])
  copyFileSync(fixture(name), project.path(`${name}.bpf.o`))

/** Runs a module in the project; what it says at the end. */
function run<T>(text: string): T {
  project.write('run.mjs', text)
  const options = { cwd: project.directory, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, ['run.mjs', root], options)
  assert.is(status, 0, stderr)
  return JSON.parse(stdout) as T // what the caller prints
}

/** What a process has loaded that did this, and bare node has not. */
function loadedBy(text: string): { builtin: string[]; files: string[] } {
  return run(`
    const before = new Set(process.moduleLoadList);
    ${text}
    const builtin = process.moduleLoadList.filter(name => !before.has(name))
    const { _cache } = process.getBuiltinModule('node:module')
    const files = Object.keys(_cache).map(path => path.replace(/.*\\//, '')).sort()
    console.log(JSON.stringify({ builtin, files }))`)
}

test('an import loads no part, no koffi, and nothing of node', () => {
  assert.equal(loadedBy(`await import('bpfpin')`), { builtin: [], files: [] })
})

test('reading an object loads no koffi and nothing that needs a kernel', () => {
  const { files } = loadedBy(`(await import('bpfpin')).openObject('counter.bpf.o')`)
  assert.ok(files.includes('read.cjs'), files.join())
  assert.equal(
    files.filter(file => /koffi|load|attach|pin\.cjs/.test(file)),
    [],
  )
})

/** Bytes of a minified bundle, without koffi. */
async function bundleSize(text: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: text, resolveDir: project.directory },
    ...{ bundle: true, minify: true, write: false, format: 'esm', platform: 'node', external: ['koffi'] },
  })
  return outputFiles[0]!.contents.length
}

test('what an import loads has at most 140 KB when it is minified, and all together 500', async () => {
  const atImport = await bundleSize(`export * from './node_modules/bpfpin/dist/index.js'`)
  const whole = await bundleSize(`export * from 'bpfpin'`)
  assert.ok(atImport <= 140_000, `${atImport}`)
  assert.ok(whole <= 500_000, `${whole}`)
})

test('a bundle has no more of it than it uses', async () => {
  const size = await bundleSize(`import { BpfError } from 'bpfpin'; console.log(BpfError)`)
  assert.ok(size < 1000, `${size}`)
})

test('an object is pinned, upgraded, rolled back, read by another reader and unpinned, and each class is one', () => {
  const done = run<Record<string, unknown>>(`
    import { BpfError, BpfLink, BpfMap, BpfProgram, kernelTypes, openObject, openPinned, PinMismatchError, VariableSpec } from 'bpfpin'
    const root = process.argv[2]
    const done = {}
    const caught = f => { try { f() } catch (error) { return error } }
    const of = file => openObject(file, { name: 'counter', root })
    const spec = of('counter.bpf.o')
    done.variable = spec.variables.get('weight') instanceof VariableSpec
    const first = spec.upgrade()
    first.maps.get('by_process').set(0, { calls: 3, weighted: 4, comm: 'x' })
    const reader = openPinned('counter', { root, readOnly: true })
    done.entry = Number(reader.maps.get('by_process').get(0).calls)
    done.classes = [
      reader.maps.get('totals') instanceof BpfMap,
      first.maps.get('totals') instanceof BpfMap,
      first.programs.get('on_enter') instanceof BpfProgram,
      [...first.links].every(link => link instanceof BpfLink),
    ]
    const refused = caught(() => of('counter-wider.bpf.o').upgrade())
    done.refused = [refused.code, refused instanceof PinMismatchError, refused instanceof BpfError]
    const second = of('counter-wider.bpf.o').upgrade({ onMismatch: 'convert', keepPrevious: true })
    done.converted = Number(second.maps.get('by_process').get(0).calls)
    done.isWider = 'last_ns' in second.maps.get('by_process').get(0)
    first.close()
    second.rollback()
    done.unknown = caught(() => second.maps.get('nothing')).code
    const again = openPinned('counter', { root })
    done.isNarrow = !('last_ns' in again.maps.get('by_process').get(0))
    again.close()
    of('counter.bpf.o').loadPinned().unpin()
    reader.close()
    // two pointers
    done.listHead = kernelTypes().find('list_head', 'struct').size
    console.log(JSON.stringify(done))`)
  assert.equal(done, {
    variable: true,
    entry: 3,
    classes: [true, true, true, true],
    refused: ['ERR_PIN_MISMATCH', true, true],
    converted: 3,
    isWider: true,
    unknown: 'ERR_UNKNOWN_NAME',
    isNarrow: true,
    listHead: 16,
  })
  assert.equal(readdirSync(root), [])
})

test('entries are written at once, and records waited for, by parts', () => {
  const done = run<Record<string, unknown>>(`
    import { EventReader, openObject } from 'bpfpin'
    const counter = openObject('counter.bpf.o').load()
    const map = counter.maps.get('by_process')
    const written = map.setAll([[1, { calls: 5, weighted: 6, comm: 'y' }]])
    const events = openObject('events.bpf.o').load().maps.get('events')
    const reader = events.events()
    setTimeout(() => reader.close(), 10)
    let read = 0
    for await (const event of reader) read++
    const isReader = reader instanceof EventReader
    console.log(JSON.stringify({ written, calls: Number(map.get(1).calls), read, isReader }))
    process.exit()`)
  assert.equal(done, { written: 1, calls: 5, read: 0, isReader: true })
})

/** The error of a process that opens an object after it has imported the library and `between` was done. */
const errorAfter = (between: string): { code: string; path: string; hint: string } =>
  run(`
    import { readFileSync, renameSync, writeFileSync } from 'node:fs'
    import { openObject } from 'bpfpin'
    const part = ${JSON.stringify(join(dist, 'parts/read.cjs'))}
    ${between}
    try {
      openObject('counter.bpf.o')
    } catch ({ code, path, hint }) {
      console.log(JSON.stringify({ code, path, hint }))
    }`)

test('a part that is gone, or was replaced by that of another version, is an error that says so', () => {
  const path = join(dist, 'parts/read.cjs')
  const text = readFileSync(path, 'utf8')
  try {
    const other = errorAfter(
      `writeFileSync(part, readFileSync(part, 'utf8').replace(/(exports.build = ").{4}/, '$1none'))`,
    )
    assert.is(other.code, 'ERR_PART')
    assert.is(other.path, path)
    assert.match(other.hint, 'start it again')
    const gone = errorAfter(`renameSync(part, part + '.gone')`)
    assert.is(gone.code, 'ERR_PART')
    assert.is(gone.path, path)
    renameSync(`${path}.gone`, path)
  } finally {
    writeFileSync(path, text)
  }
})

test.run()
