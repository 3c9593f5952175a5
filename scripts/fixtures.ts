// `npm run fixtures` compiles every NAME.bpf.c in the directories below to NAME.bpf.o beside it; with `--check` it
// writes nothing and fails where an object is not what its source gives. More arguments are filters on the path.
// Every NAME.c in test/pairs gives two objects, NAME.old.o and with -DNEW NAME.new.o, without DWARF.
// Every NAME.elf.c in test/fixtures gives NAME.elf, a program of this machine that needs no library.
// Every NAME.c in test/parity/compilers gives an object of each compiler below, NAME.clang-14.o; of those that are not
// installed it is only said. gcc never writes the same object twice: one of its is made where there is none.
// Those in test/tools include vmlinux.h, and have DWARF only where -gdwarf-5 asks for it, as what people ship.
// A first line `// clang: FLAGS` adds flags for one file. NAME.bpf.link lists objects that bpftool links to NAME.bpf.o.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliDecompressSync } from 'node:zlib'
import { commandPath } from '../test/requirements.ts'

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

const { values, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
})
process.chdir(join(import.meta.dirname, '..'))

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-fixtures-'))
let failed = 0
try {
  for (const source of sources()) {
    const object = source.replace(/(c|link)$/, 'o')
    build(source, object, fresh => (source.endsWith('.link') ? link(source, fresh) : compile(source, fresh)))
  }
  for (const source of programs()) {
    build(source, source.replace(/\.c$/, ''), fresh => compileProgram(source, fresh))
  }
  for (const source of sourcesIn('test/pairs')) {
    for (const [side, defines] of [
      ['old', []],
      ['new', ['-DNEW']],
    ] as const) {
      build(source, source.replace(/c$/, `${side}.o`), fresh =>
        compileStripped(clang, [...flags, ...defines], source, fresh),
      )
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
      build(source, object, fresh => compileStripped(compiler, own, source, fresh))
    }
  }
} finally {
  rmSync(scratch, { recursive: true })
}
if (failed > 0) process.exit(1)

function sources(): string[] {
  return (
    ['test/fixtures', 'test/parity', 'test/tools', 'examples']
      .filter(dir => existsSync(dir))
      .flatMap(dir => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(file => join(dir, file)))
      .filter(file => /\.bpf\.(c|link)$/.test(file))
      .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
      // what is linked comes after what it is linked from
      .sort((a, b) => Number(a.endsWith('.link')) - Number(b.endsWith('.link')) || (a < b ? -1 : 1))
  )
}

/** For x86-64: their assembly is. */
function programs(): string[] {
  return readdirSync('test/fixtures')
    .filter(file => file.endsWith('.elf.c'))
    .map(file => join('test/fixtures', file))
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
}

function compileProgram(source: string, program: string): void {
  const alone = ['-nostdlib', '-static', '-ffreestanding', '-fno-stack-protector', '-fno-ident']
  const small = ['-fno-asynchronous-unwind-tables', '-Wl,--build-id=none', '-Wl,--strip-all']
  execFileSync(clang, ['-O2', ...alone, ...small, '-o', program, source], { stdio: 'inherit' })
}

function sourcesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter(file => file.endsWith('.c'))
    .map(file => join(directory, file))
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
    .sort()
}

function compileStripped(compiler: string, own: readonly string[], source: string, object: string): void {
  execFileSync(compiler, [...own, '-c', source, '-o', object], { stdio: 'inherit' })
  execFileSync(objcopy, ['--strip-debug', object])
}

function compile(source: string, object: string): void {
  const line = readFileSync(source, 'utf8').split('\n', 1)[0]!
  const own = /^\/\/ clang: (.+)$/.exec(line)?.[1]?.split(' ') ?? []
  const isTool = source.startsWith('test/tools/')
  const all = [...flags, ...(isTool ? kernelTypes() : []), ...own]
  execFileSync(clang, [...all, '-c', source, '-o', object], { stdio: 'inherit' })
  if (isTool && !own.includes('-gdwarf-5')) execFileSync(objcopy, ['--strip-debug', object])
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

function link(source: string, object: string): void {
  const parts = readFileSync(source, 'utf8').trim().split(' ')
  execFileSync('bpftool', ['gen', 'object', object, ...parts.map(part => join(dirname(source), part))])
}

function build(source: string, object: string, make: (fresh: string) => void): void {
  const fresh = join(scratch, 'fresh.o')
  try {
    make(fresh)
  } catch (error) {
    console.log(`${source}: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`)
    failed++
    return
  }
  const isSame = existsSync(object) && readFileSync(object).equals(readFileSync(fresh))
  if (isSame) return
  if (!values.check) {
    writeFileSync(object, readFileSync(fresh))
    console.log(object)
  } else if (existsSync(object) && sameWithoutDwarf(object, fresh)) {
    console.log(`${object}: only its DWARF differs, which has checksums of the system's headers in it`)
  } else {
    console.log(`${object}: is not what ${source} gives; run: npm run fixtures`)
    failed++
  }
}

function sameWithoutDwarf(one: string, other: string): boolean {
  const [a, b] = [one, other].map((file, i) => {
    const stripped = join(scratch, `stripped-${i}.o`)
    execFileSync(objcopy, ['--strip-debug', file, stripped])
    return readFileSync(stripped)
  })
  return a!.equals(b!)
}
