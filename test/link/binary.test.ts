// Where functions are in programs and libraries of this system, against what llvm-readelf says.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError } from '../../src/index.ts'
import { functionOffset, functionOffsets } from '../../src/link/binary-offsets.ts'
import { findBinary, lastingPath } from '../../src/link/binary-path.ts'
import { failure } from '../failure.ts'
import { commandPath, needs } from '../requirements.ts'

const readelf = 'llvm-readelf-19'
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-binary-'))
test.after(() => rmSync(scratch, { recursive: true }))

const libc = (): string => findBinary('libc.so.6', 'testing')
const offsetIn = (path: string, symbol: string): number => functionOffset(path, symbol, 'testing')
const withReadelf = needs(test, readelf, 'cc')

/** A program of this system's compiler. */
function compiled(name: string, source: string, ...flags: string[]): string {
  const path = join(scratch, name)
  execFileSync('cc', ['-o', path, ...flags, '-x', 'c', '-'], { input: source })
  return path
}

/** Functions and where they start in the file, by readelf: `name@VERSION` for what is exported in versions. */
function expected(path: string, table: '--symbols' | '--dyn-symbols'): Map<string, number[]> {
  const [file] = JSON.parse(
    execFileSync(readelf, ['--elf-output-style=JSON', table, '--program-headers', path], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    }),
  )
  const code = file.ProgramHeaders.map(({ ProgramHeader: header }: Json) => header).filter(
    ({ Type, Flags }: Json) =>
      Type.Name === 'PT_LOAD' && Flags.Flags.some(({ Name }: Json) => Name === 'PF_X'),
  )
  const found = new Map<string, number[]>()
  const symbols = table === '--symbols' ? file.Symbols : file.DynamicSymbols
  for (const { Symbol: symbol } of symbols) {
    if (symbol.Type.Name !== 'Function' || symbol.Section.Name === 'Undefined' || symbol.Value === 0) continue
    const segment = code.find(
      ({ VirtualAddress, FileSize }: Json) =>
        symbol.Value >= VirtualAddress && symbol.Value < VirtualAddress + FileSize,
    )
    const offset = symbol.Value - segment.VirtualAddress + segment.Offset
    const name = symbol.Name.Name
    found.set(name, [...new Set([...(found.get(name) ?? []), offset])])
  }
  return found
}

// biome-ignore lint/suspicious/noExplicitAny: what readelf prints
type Json = any

const source = `
  static int __attribute__((noinline)) hidden(int x) { return x * 3; }
  int __attribute__((noinline)) shown(int x) { return hidden(x) + 1; }
  int __attribute__((weak, noinline)) feeble(int x) { return x - 1; }
  int main(int argc, char **argv) { return shown(argc) + feeble(argc); }`

for (const [name, flags] of [
  ['position-independent', ['-O1', '-pie', '-fPIE']],
  ['at-a-fixed-address', ['-O1', '-no-pie']],
  ['static', ['-O1', '-static', '-no-pie']],
] as const) {
  withReadelf(`functions of a ${name} program are where readelf says`, () => {
    const path = compiled(name, source, ...flags)
    const all = expected(path, '--symbols')
    for (const symbol of ['hidden', 'shown', 'feeble', 'main']) {
      assert.equal([offsetIn(path, symbol)], all.get(symbol), symbol)
    }
  })
}

withReadelf('all functions that the C library exports, in their versions, are where readelf says', () => {
  const path = libc()
  let checked = 0
  for (const [symbol, offsets] of expected(path, '--dyn-symbols')) {
    assert.equal([offsetIn(path, symbol)], offsets, symbol)
    checked++
  }
  assert.ok(checked > 2000, `${checked}`)
})

withReadelf('without a version the one is meant that programs are linked with now', () => {
  const versions = expected(libc(), '--dyn-symbols')
  assert.equal([offsetIn(libc(), 'regexec')], versions.get('regexec@@GLIBC_2.3.4'))
  assert.is.not(offsetIn(libc(), 'regexec@GLIBC_2.2.5'), offsetIn(libc(), 'regexec'))
})

withReadelf('a pattern finds all functions that match, each place once', () => {
  const offsets = [...expected(libc(), '--dyn-symbols')]
    .filter(([name]) => /^pthread_mutex_.*lock(@|$)/.test(name))
    .flatMap(([, all]) => all)
  const found = functionOffsets(libc(), ['pthread_mutex_*lock', 'pthread_mutex_lock'], 'testing')
  assert.equal(found.sort(), [...new Set(offsets)].sort())
})

needs(test, 'cc')('two functions of one name are refused, with their places', () => {
  const half = (n: number): string => {
    const path = join(scratch, `half-${n}.o`)
    execFileSync('cc', ['-c', '-O0', '-o', path, '-x', 'c', '-'], {
      input: `static int twice(int x) { return x + ${n}; } int call_${n}(int x) { return twice(x); }`,
    })
    return path
  }
  const path = join(scratch, 'twice')
  execFileSync('cc', ['-o', path, half(1), half(2), '-x', 'c', '-'], {
    input: 'int call_1(int), call_2(int); int main(void) { return call_1(1) + call_2(2); }',
  })
  const error = failure(() => offsetIn(path, 'twice'))
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.message, /has 2 functions 'twice'/)
  assert.match(error.hint!, /0x[0-9a-f]+, 0x[0-9a-f]+$/)
})

withReadelf('hundreds of functions of one small program are found by their names', () => {
  const names = Array.from({ length: 500 }, (_, i) => `step_${i}`)
  const bodies = names.map((name, i) => `int __attribute__((noinline)) ${name}(int x) { return x * ${i}; }`)
  const path = compiled('many', `${bodies.join('\n')}\nint main(void) { return step_7(1); }`, '-O0')
  const known = expected(path, '--symbols')
  assert.equal(
    functionOffsets(path, names, 'testing'),
    names.flatMap(name => known.get(name) ?? []),
  )
})

test('a function that is chosen when the program starts is refused', () => {
  assert.match(
    failure(() => offsetIn(libc(), 'memcpy')).message,
    /'memcpy' is chosen among several functions/,
  )
})

test('a function that is not there is refused with near ones, a version with those that are', () => {
  const unknown = failure(() => offsetIn(libc(), 'getppidd'))
  assert.is(unknown.code, 'ERR_NO_TARGET')
  assert.match(unknown.message, /did you mean 'getppid'/)
  const version = failure(() => offsetIn(libc(), 'getppid@GLIBC_9'))
  assert.match(version.message, /'getppid', but not in version GLIBC_9/)
  assert.match(
    failure(() => functionOffsets(libc(), ['no_such_*'], 'testing')).message,
    /matches 'no_such_\*'/,
  )
})

needs(test, 'cc')('of a stripped program it is said that it has no names', () => {
  const path = compiled('stripped', source, '-s')
  assert.match(failure(() => offsetIn(path, 'main')).hint!, /stripped/)
})

test('what is no binary of this kind is refused for what it is', () => {
  const text = join(scratch, 'text')
  writeFileSync(text, 'x'.repeat(100))
  const header = readFileSync(libc()).subarray(0, 64)
  const changed = (name: string, at: number, value: number): string => {
    const bytes = Uint8Array.from(header)
    bytes[at] = value
    writeFileSync(join(scratch, name), bytes)
    return join(scratch, name)
  }
  const table: readonly [path: string, code: string, message: RegExp][] = [
    [text, 'ERR_ELF', /is not an ELF file/],
    [changed('class', 4, 1), 'ERR_ELF', /only 64-bit little-endian/],
    [changed('data', 5, 2), 'ERR_ELF', /only 64-bit little-endian/],
    [changed('type', 16, 1), 'ERR_ELF', /type 1 is no program or library/],
    [changed('machine', 18, 243), 'ERR_ELF', /machine 243 is neither x86-64 nor arm64/],
    [changed('cut', 4, 2), 'ERR_ELF', /program headers: ends behind the file/],
    [scratch, 'ERR_ELF', /is not a file/],
    [join(scratch, 'nowhere'), 'ENOENT', /there is no such file/],
  ]
  for (const [path, code, message] of table) {
    const error = failure(() => offsetIn(path, 'main'))
    assert.is(error.code, code, path)
    assert.match(error.message, message)
  }
})

needs(test, 'cc')('damage is found or harmless, never a crash', () => {
  const whole = readFileSync(compiled('whole', source, '-O1'))
  const path = join(scratch, 'damaged')
  let seed = 1
  const random = (limit: number): number => {
    seed = (seed * 48271) % 0x7fffffff
    return seed % limit
  }
  for (let round = 0; round < 1500; round++) {
    const bytes = Uint8Array.from(whole)
    // headers and the tables at the end are what is read
    const places = [random(64 + 13 * 56), bytes.length - 1 - random(4000), random(bytes.length)]
    for (const place of places) bytes[place] = random(256)
    writeFileSync(path, round % 10 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)
    try {
      offsetIn(path, 'shown')
    } catch (error) {
      assert.instance(error, BpfError, `${(error as Error).stack}`)
    }
  }
})

test('a name is looked for as the shell and the loader do', () => {
  assert.is(realpathSync(findBinary('sh', 'testing')), realpathSync(commandPath('sh')!))
  assert.match(libc(), /^\/.*\/libc\.so\.6$/)
  const error = failure(() => findBinary('libnowhere.so.1', 'testing'))
  assert.is(error.code, 'ENOENT')
  assert.match(error.message, /there is no library 'libnowhere\.so\.1'/)
})

test('a path that is kept means the same file in another process', () => {
  assert.is(lastingPath('/proc/self/exe'), realpathSync(process.execPath))
  assert.is(lastingPath('./a/../b'), join(process.cwd(), 'b'))
  assert.is(lastingPath('libc.so.6'), 'libc.so.6')
  // a link is the owner's business
  symlinkSync('/bin/sh', join(scratch, 'link'))
  assert.is(lastingPath(join(scratch, 'link')), join(scratch, 'link'))
})

test.run()
