// Where USDT probes are in programs and libraries of this system's compiler, against what readelf says.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, ElfError } from '../../src/index.ts'
import { findBinary } from '../../src/link/binary-path.ts'
import { type UsdtSite, usdtSites } from '../../src/link/usdt-sites.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'

const readelf = 'readelf'
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-usdt-'))
test.after(() => rmSync(scratch, { recursive: true }))

const fixtures = new URL('../fixtures/', import.meta.url).pathname
const sites = (path: string, probe: string): UsdtSite[] => usdtSites(path, probe, 'testing')
// the assembly of the sources is for this machine
const isX86 = process.arch === 'x64'
const onX86 = isX86 ? needs(test, readelf, 'gcc') : () => {}
const anywhere = isX86 ? needs(test) : () => {}

const source = `
  #include "usdt-fire.h"
  int main(int argc, char **argv) {
    static const struct pair pair = { 1, 2 };
    fire(&pair, table, argc);
    return bpfpin_counted;
  }`

function compiled(name: string, ...flags: string[]): string {
  const path = join(scratch, name)
  execFileSync('gcc', ['-O2', `-I${fixtures}`, '-o', path, ...flags, '-x', 'c', '-'], { input: source })
  return path
}

interface Expected {
  readonly name: string
  readonly offset: number
  readonly semaphore: number
  readonly arguments: number
}

/** What readelf says of all notes, put into the segments that it tells of. */
function expected(path: string): Expected[] {
  const read = (...args: string[]): string => execFileSync(readelf, [...args, path], { encoding: 'utf8' })
  const segments = [
    ...read('--wide', '--program-headers').matchAll(/^ +LOAD +(\w+) (\w+) \w+ \w+ (\w+)/gm),
  ].map(([, offset, address, size]) => ({
    offset: Number(offset),
    address: Number(address),
    size: Number(size),
  }))
  const inFile = (address: number): number => {
    const segment = segments.find(one => address >= one.address && address < one.address + one.size)
    assert.ok(segment, `0x${address.toString(16)}`)
    return address - segment.address + segment.offset
  }
  const pattern =
    /Provider: (.*)\n +Name: (.*)\n +Location: (\w+), Base: \w+, Semaphore: (\w+)\n +Arguments: ?(.*)/g
  return [...read('--notes').matchAll(pattern)].map(([, provider, name, location, semaphore, places]) => ({
    name: `${provider}:${name}`,
    offset: inFile(Number(location)),
    semaphore: Number(semaphore) === 0 ? 0 : inFile(Number(semaphore)),
    arguments: places === '' ? 0 : places!.trim().split(' ').length,
  }))
}

function found(path: string, names: Iterable<string>): Expected[] {
  return [...names].flatMap(name =>
    sites(path, name).map(site => ({
      name,
      offset: site.offset,
      semaphore: site.semaphore,
      arguments: site.arguments.length,
    })),
  )
}

for (const [name, ...flags] of [
  ['fixed', '-no-pie'],
  ['movable', '-pie', '-fPIE'],
  ['static', '-static'],
  ['static-movable', '-static-pie', '-fPIE'],
  ['library.so', '-shared', '-fPIC'],
  ['stripped', '-s'],
] as const) {
  onX86(`all places of all probes of a ${name} binary are where readelf has them`, () => {
    const path = compiled(name, ...flags)
    const own = expected(path).filter(one => one.name.startsWith('bpfpin:') && one.name !== 'bpfpin:floating')
    assert.ok(own.filter(one => one.name === 'bpfpin:counted').length === 3)
    assert.equal(found(path, new Set(own.map(one => one.name))), own)
  })
}

onX86('the probes of the C++ library, with which exceptions are thrown, are where readelf has them', () => {
  const path = findBinary('libstdc++.so.6', 'testing')
  const all = expected(path)
  assert.equal(all.map(({ name }) => name).sort(), [
    'libstdcxx:catch',
    'libstdcxx:rethrow',
    'libstdcxx:throw',
  ])
  assert.equal(
    found(
      path,
      all.map(({ name }) => name),
    ),
    all,
  )
})

/** The program without a library: no compiler is needed for what follows. */
const program = readFileSync(`${fixtures}usdt-target.elf`)

function changed(name: string, change: (view: DataView) => void): string {
  const bytes = Uint8Array.from(program)
  change(new DataView(bytes.buffer))
  const path = join(scratch, name)
  writeFileSync(path, bytes)
  return path
}

/** Where the header of a section is in the file: its name at 0, type 4, address 16, offset 24, size 32. */
function sectionHeader(view: DataView, wanted: string): number {
  const headers = Number(view.getBigUint64(40, true))
  const at = (i: number): number => headers + i * 64
  const names = Number(view.getBigUint64(at(view.getUint16(62, true)) + 24, true))
  for (let i = 0; i < view.getUint16(60, true); i++) {
    const start = names + view.getUint32(at(i), true)
    if (program.toString('latin1', start, program.indexOf(0, start)) === wanted) return at(i)
  }
  throw new Error(`no section ${wanted}`)
}

anywhere('a binary that was moved as a whole is probed where it was moved to', () => {
  const moved = changed('moved', view => {
    const by = 0x10000n
    const add = (at: number): void => view.setBigUint64(at, view.getBigUint64(at, true) + by, true)
    const segments = Number(view.getBigUint64(32, true))
    for (let i = 0; i < view.getUint16(56, true); i++) {
      if (view.getUint32(segments + i * 56, true) === 1) add(segments + i * 56 + 16)
    }
    add(sectionHeader(view, '.stapsdt.base') + 16)
  })
  for (const name of ['plain', 'counted', 'widths']) {
    assert.equal(sites(moved, `bpfpin:${name}`), sites(`${fixtures}usdt-target.elf`, `bpfpin:${name}`))
  }
})

anywhere('a probe that is not there is named, with one of a similar name', () => {
  const error = failure(() => sites(`${fixtures}usdt-target.elf`, 'bpfpin:count')) as BpfError
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.message, "no USDT probe 'bpfpin:count'")
  assert.match(error.message, "'bpfpin:counted'")
})

anywhere('a binary without notes is told from one without the probe', () => {
  const path = changed('none', view => view.setUint32(sectionHeader(view, '.note.stapsdt'), 0, true))
  assert.match(failure(() => sites(path, 'bpfpin:plain')).message, 'has no USDT probes')
})

anywhere('an argument in a floating-point register is what is complained of', () => {
  const error = failure(() => sites(`${fixtures}usdt-target.elf`, 'bpfpin:floating')) as BpfError
  assert.is(error.code, 'ERR_UNSUPPORTED')
  assert.match(error.message, "argument 1 of '8f@%xmm0 4@%eax' is a floating-point number")
})

for (const [name, change, problem] of [
  ['not-notes', view => view.setUint32(sectionHeader(view, '.note.stapsdt') + 4, 1, true), 'of type 1'],
  [
    'beyond',
    view => view.setBigUint64(sectionHeader(view, '.note.stapsdt') + 32, 2n ** 20n, true),
    'ends behind the file',
  ],
  [
    'huge',
    view => view.setBigUint64(sectionHeader(view, '.note.stapsdt') + 32, 2n ** 63n, true),
    'more than are read',
  ],
  [
    'cut',
    view => view.setBigUint64(sectionHeader(view, '.note.stapsdt') + 32, 50n, true),
    '.note.stapsdt/note at 0',
  ],
  ['no-names', view => view.setUint16(62, 1, true), 'holds no names'],
] as const satisfies readonly (readonly [string, (view: DataView) => void, string])[]) {
  anywhere(`a binary that is damaged (${name}) is refused`, () => {
    const error = failure(() => sites(changed(name, change), 'bpfpin:plain'))
    assert.instance(error, ElfError)
    assert.match(error.message, problem)
  })
}

anywhere('a place without code and a semaphore without data are refused', () => {
  const notes = (view: DataView): number =>
    Number(view.getBigUint64(sectionHeader(view, '.note.stapsdt') + 24, true))
  // the first note: header of 12 bytes, owner of 8, then location, base and semaphore
  const lost = changed('lost', view => view.setBigUint64(notes(view) + 20, 0x10n, true))
  assert.match(failure(() => sites(lost, 'bpfpin:plain')).message, 'is at 0x10, where the file has no code')
  const code = changed('code', view => {
    view.setBigUint64(notes(view) + 36, view.getBigUint64(notes(view) + 20, true), true)
  })
  assert.match(failure(() => sites(code, 'bpfpin:plain')).message, 'where the file has no data')
})

anywhere('whatever bytes are changed, there are places or a reason', () => {
  let state = 1
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const view = new DataView(Uint8Array.from(program).buffer)
  const start = Number(view.getBigUint64(sectionHeader(view, '.note.stapsdt') + 24, true))
  const size = Number(view.getBigUint64(sectionHeader(view, '.note.stapsdt') + 32, true))
  const headers = Number(view.getBigUint64(40, true))
  const parts = [
    [0, 64 + 5 * 56],
    [start, size],
    [headers, program.length - headers],
  ] as const
  let refusals = 0
  for (let round = 0; round < 600; round++) {
    const path = changed('random', bytes => {
      for (let i = 0; i <= random(3); i++) {
        const [from, length] = parts[random(parts.length)]!
        bytes.setUint8(from + random(length), random(256))
      }
    })
    try {
      sites(path, 'bpfpin:counted')
    } catch (error) {
      assert.instance(error, BpfError)
      refusals++
    }
  }
  assert.ok(refusals > 50 && refusals < 600, `${refusals}`)
})

test.run()
