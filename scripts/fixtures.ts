// `npm run fixtures` compiles every NAME.bpf.c in the directories below to NAME.bpf.o beside it.
// Every NAME.c in test/pairs gives two objects, NAME.old.o and with -DNEW NAME.new.o, without DWARF.
// Every NAME.elf.c in test/fixtures gives NAME.elf, a program of this machine that needs no library.
// Every NAME.c in test/parity/compilers gives an object of each compiler below, NAME.clang-14.o; of those that are not
// installed it is only said. gcc never writes the same object twice: one of its is made where there is none.
// Those in test/tools include vmlinux.h, and have DWARF only where -gdwarf-5 asks for it, as what people ship.
// A first line `// clang: FLAGS` adds flags for one file. NAME.bpf.link lists objects that bpftool links to NAME.bpf.o.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompressSync } from 'node:zlib'
import { commandPath } from '../test/requirements.ts'
import { commandLine } from '../test/runner/command-line.mjs'
import { isSameButForTypeOrder } from './same-object.ts'

// the bytes of an object depend on the compiler
const clang = 'clang-19'
const objcopy = 'llvm-objcopy-19'

/** Where <asm/types.h> is on Debian. */
const machineHeaders = ['x86_64', 'aarch64']
  .map(machine => `/usr/include/${machine}-linux-gnu`)
  .find(existsSync)

/** Paths are relative to the project, those of headers to `include`: no object knows where it was made. */
const flags = [
  ...['-g', '-O2', '-target', 'bpf', '-mcpu=v3'],
  ...['-fdebug-compilation-dir=.', '-ffile-prefix-map=/usr/include=include'],
  ...(machineHeaders === undefined
    ? []
    : [`-I${machineHeaders}`, `-ffile-prefix-map=${machineHeaders}=include`]),
]

/** Compilers of Debian 12 whose objects are tried; the flags of gcc for BTF and for where headers are. */
const compilers: Readonly<Record<string, readonly string[]>> = {
  'clang-14': flags,
  'clang-16': flags,
  'clang-19': flags,
  'bpf-gcc': [
    ...['-gbtf', '-mco-re', '-O2', '-mcpu=v3', '-idirafter', '/usr/include'],
    ...(machineHeaders === undefined ? [] : ['-idirafter', machineHeaders]),
  ],
}

const usage = `Usage: npm run fixtures -- [options] [filter...]

Compiles the objects that tests and examples have; with filters those whose path contains one.

  --check   write nothing, and fail where an object is not what its source gives
  --help    this`

const { values, positionals: filters } = commandLine(usage, {
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
})
process.chdir(join(import.meta.dirname, '..'))

const run = promisify(execFile)
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-fixtures-'))
let failed = 0
try {
  const [compiled, linked] = [[...compilations()], [...links()]]
  // what is linked comes after what it is linked from
  for (const jobs of [compiled, linked])
    await Promise.all(Array.from({ length: availableParallelism() }, () => work(jobs)))
} finally {
  rmSync(scratch, { recursive: true })
}
if (failed > 0) process.exit(1)

/** An object, and how it is made. */
interface Job {
  readonly source: string
  readonly object: string
  readonly make: (fresh: string) => Promise<void>
}

async function work(jobs: Job[]): Promise<void> {
  for (let job = jobs.shift(); job; job = jobs.shift()) await build(job)
}

function* compilations(): Generator<Job> {
  for (const source of sources('.bpf.c')) {
    yield { source, object: source.replace(/c$/, 'o'), make: fresh => compile(source, fresh) }
  }
  for (const source of programs()) {
    yield { source, object: source.replace(/\.c$/, ''), make: fresh => compileProgram(source, fresh) }
  }
  for (const source of sourcesIn('test/pairs')) {
    for (const [side, defines] of [
      ['old', []],
      ['new', ['-DNEW']],
    ] as const) {
      const make = (fresh: string) => compileStripped(clang, [...flags, ...defines], source, fresh)
      yield { source, object: source.replace(/c$/, `${side}.o`), make }
    }
  }
  for (const [compiler, own] of Object.entries(compilers)) {
    if (commandPath(compiler) === undefined) {
      console.log(`test/parity/compilers/*.${compiler}.o: not looked at, there is no ${compiler} here`)
      continue
    }
    for (const source of sourcesIn('test/parity/compilers')) {
      const object = source.replace(/c$/, `${compiler}.o`)
      if (compiler === 'bpf-gcc' && existsSync(object)) continue
      yield { source, object, make: fresh => compileStripped(compiler, own, source, fresh) }
    }
  }
}

function* links(): Generator<Job> {
  for (const source of sources('.bpf.link')) {
    yield { source, object: source.replace(/link$/, 'o'), make: fresh => link(source, fresh) }
  }
}

function sources(ending: string): string[] {
  return ['test/fixtures', 'test/parity', 'test/tools', 'examples']
    .filter(dir => existsSync(dir))
    .flatMap(dir => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(file => join(dir, file)))
    .filter(file => file.endsWith(ending))
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
    .sort()
}

/** For x86-64: their assembly is. */
function programs(): string[] {
  return readdirSync('test/fixtures')
    .filter(file => file.endsWith('.elf.c'))
    .map(file => join('test/fixtures', file))
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
}

async function compileProgram(source: string, program: string): Promise<void> {
  const alone = ['-nostdlib', '-static', '-ffreestanding', '-fno-stack-protector', '-fno-ident']
  const small = ['-fno-asynchronous-unwind-tables', '-Wl,--build-id=none', '-Wl,--strip-all']
  await run(clang, ['-O2', ...alone, ...small, '-o', program, source])
}

function sourcesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter(file => file.endsWith('.c'))
    .map(file => join(directory, file))
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
    .sort()
}

async function compileStripped(
  compiler: string,
  own: readonly string[],
  source: string,
  object: string,
): Promise<void> {
  await run(compiler, [...own, '-c', source, '-o', object])
  await run(objcopy, ['--strip-debug', object])
}

async function compile(source: string, object: string): Promise<void> {
  const line = readFileSync(source, 'utf8').split('\n', 1)[0]!
  const own = /^\/\/ clang: (.+)$/.exec(line)?.[1]?.split(' ') ?? []
  const isTool = source.startsWith('test/tools/')
  const all = [...flags, ...(isTool ? kernelTypes() : []), ...own]
  await run(clang, [...all, '-c', source, '-o', object])
  if (isTool && !own.includes('-gdwarf-5')) await run(objcopy, ['--strip-debug', object])
}

/**
 * For tools that include vmlinux.h, which is kept compressed. It was made on Linux 6.18 by
 * `bpftool btf dump file /sys/kernel/btf/vmlinux format c`.
 */
function kernelTypes(): string[] {
  const directory = join(scratch, 'include')
  if (!existsSync(directory)) {
    mkdirSync(directory)
    writeFileSync(join(directory, 'vmlinux.h'), brotliDecompressSync(readFileSync('test/tools/vmlinux.h.br')))
  }
  return [`-I${directory}`, `-ffile-prefix-map=${directory}=include`]
}

async function link(source: string, object: string): Promise<void> {
  const parts = readFileSync(source, 'utf8').trim().split(' ')
  await run('bpftool', ['gen', 'object', object, ...parts.map(part => join(dirname(source), part))])
}

async function build({ source, object, make }: Job): Promise<void> {
  const fresh = join(scratch, object.replaceAll('/', '-'))
  try {
    await make(fresh)
  } catch (error) {
    console.log(`${source}: ${error instanceof Error ? error.message.trim() : error}`)
    failed++
    return
  }
  const isSame = existsSync(object) && readFileSync(object).equals(readFileSync(fresh))
  if (isSame) return
  if (!values.check) {
    writeFileSync(object, readFileSync(fresh))
    console.log(object)
  } else if (existsSync(object) && (await isSameInMeaning(object, fresh))) {
    console.log(
      `${object}: only the order of its types or its DWARF differs, which a path or a header changes`,
    )
  } else {
    console.log(`${object}: is not what ${source} gives; run: npm run fixtures`)
    failed++
  }
}

async function isSameInMeaning(object: string, fresh: string): Promise<boolean> {
  await run(objcopy, ['--strip-debug', object, `${fresh}.old`])
  await run(objcopy, ['--strip-debug', fresh])
  return isSameButForTypeOrder(readFileSync(`${fresh}.old`), readFileSync(fresh))
}
