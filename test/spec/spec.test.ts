import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assemble, identityBytes } from '../../src/spec/assemble.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import type { Spec } from '../../src/spec/types.ts'
import { Patch } from '../elf/patch.ts'
import { needs } from '../requirements.ts'

const fixture = (name: string): string => new URL(`../fixtures/${name}.bpf.o`, import.meta.url).pathname
const parse = (name: string, as = name): Spec => parseSpec(readFileSync(fixture(name)), as)

const mapOf = (spec: Spec, name: string) => {
  const map = spec.maps.find(one => one.name === name)
  if (!map) throw new Error(`no map ${name}`)
  return map
}

test('every field of a map definition is read', () => {
  const spec = parse('map-kinds')
  const brief = (name: string) => {
    const { type, keySize, valueSize, maxEntries, flags, mapExtra, pinByName } = mapOf(spec, name)
    return { type, keySize, valueSize, maxEntries, flags, mapExtra, pinByName }
  }
  // the numbers stand in map-kinds.bpf.c
  const plain = { flags: 0, mapExtra: 0, pinByName: false }
  assert.equal(brief('recent'), {
    ...plain,
    type: 'lru_hash',
    keySize: 8,
    valueSize: 4,
    maxEntries: 1001,
    flags: 2,
  })
  assert.equal(brief('seen'), {
    ...plain,
    type: 'bloom_filter',
    keySize: 0,
    valueSize: 8,
    maxEntries: 100,
    mapExtra: 3,
  })
  assert.equal(brief('shared'), {
    ...plain,
    type: 'array',
    keySize: 4,
    valueSize: 4,
    maxEntries: 8,
    pinByName: true,
  })
  assert.equal(brief('events'), { ...plain, type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 5000 })
  assert.equal(brief('prefixes'), {
    ...plain,
    type: 'lpm_trie',
    keySize: 8,
    valueSize: 4,
    maxEntries: 16,
    flags: 1,
  })
})

test('maps that hold maps and programs know what is in their slots', () => {
  const spec = parse('map-kinds')
  assert.equal(mapOf(spec, 'outer').slots, [
    { index: 0, kind: 'map', name: 'inner_a' },
    { index: 3, kind: 'map', name: 'inner_b' },
  ])
  assert.is(mapOf(spec, 'outer').inner?.type, 'hash')
  assert.is(mapOf(spec, 'outer').inner?.maxEntries, 4)
  assert.equal(mapOf(spec, 'jumps').slots, [{ index: 1, kind: 'program', name: 'tail' }])
})

test('variables have the place that the symbol table gives them, and the value of the source', () => {
  const spec = parse('counter')
  const symbols = new Map(
    spec.elf.sections.flatMap(section => spec.elf.symbolsIn(section.index)).map(s => [s.name, s]),
  )
  for (const { name, offset, size } of spec.variables) {
    assert.is(offset, symbols.get(name)?.value, name)
    assert.is(size, symbols.get(name)?.size, name)
  }
  const values = Object.fromEntries(spec.variables.map(variable => [variable.name, variable.get()]))
  assert.equal(values, { only_pid: 0, weight: 1n, entered: 0n, left: 0n })
})

test('a variable that is set changes its bytes in the section and nothing else', () => {
  const spec = parse('counter')
  const entered = spec.variables.find(({ name }) => name === 'left')
  entered?.set(0x0102030405060708n)
  const bss = mapOf(spec, '.bss').section?.contents
  assert.equal([...(bss ?? [])], [0, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1])
  assert.throws(() => entered?.set(-1n), /does not fit/)
  assert.is(entered?.get(), 0x0102030405060708n)
})

test('a program in a section with a leading ? is not loaded by default', () => {
  const { programs } = parse('functions')
  assert.equal(
    programs.map(({ name, section, autoload, type }) => [name, section, autoload, type]),
    [
      ['run', 'syscall', true, 'syscall'],
      ['optional', '?raw_tp/sys_enter', false, 'raw_tracepoint'],
    ],
  )
})

/** Offsets of the calls of one function and what llvm-objdump says that they lead to. */
function callsByObjdump(object: string, section: string): string[] {
  const text = execFileSync('llvm-objdump-19', ['-d', '-r', '--no-show-raw-insn', '-j', section, object], {
    encoding: 'utf8',
  })
  return [...text.matchAll(/R_BPF_64_(?:64|32)\s+(\S+)$/gm)].map(match => match[1]!)
}

needs(test, 'llvm-objdump-19')('every relocation becomes a reference to what it names', () => {
  const spec = parse('counter')
  for (const program of spec.programs) {
    const named = callsByObjdump(fixture('counter'), program.section)
    const found = program.body.references.map(reference => {
      if (reference.kind === 'map') return reference.map
      // static functions are addressed by their section
      if (reference.kind === 'call') return '.text'
      if (reference.kind !== 'data') throw new Error(reference.kind)
      const { map, offset } = reference
      return spec.variables.find(variable => variable.map === map && variable.offset === offset)?.name ?? '?'
    })
    assert.equal(found, named, program.name)
  }
})

test('each sub-program is in an assembled program once, and calls lead to its start', () => {
  const spec = parse('functions')
  const [run] = spec.programs
  const { instructions } = assemble(spec, run!, () => 77)
  const lengths = [run!.body, ...['visit', 'thrice', 'twice'].map(name => functionNamed(spec, name))].map(
    fn => fn.length,
  )
  assert.is(
    instructions.length / 8,
    lengths.reduce((a, b) => a + b),
  )
  const view = new DataView(instructions.buffer)
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
  for (let i = 0; i < instructions.length / 8; i++) {
    const isWide = instructions[i * 8] === 0x18
    const source = instructions[i * 8 + 1]! >> 4
    const isLocalCall = instructions[i * 8] === 0x85 && source === 1
    if (isLocalCall || (isWide && source === 4)) {
      assert.ok(starts.includes(i + 1 + view.getInt32(i * 8 + 4, true)), `instruction ${i}`)
    }
    if (isWide && source === 1) assert.is(view.getInt32(i * 8 + 4, true), 77)
    if (isWide) i++
  }
})

function functionNamed(spec: Spec, name: string) {
  const queue = spec.programs.map(({ body }) => body)
  for (const fn of queue) {
    if (fn.name === name) return fn
    for (const reference of fn.references) {
      if ((reference.kind === 'call' || reference.kind === 'function') && !queue.includes(reference.to)) {
        queue.push(reference.to)
      }
    }
  }
  throw new Error(`no function ${name}`)
}

test('the identity of a program is its code and what that refers to, not what it is called or loaded with', () => {
  const one = parse('counter')
  const same = parse('counter', 'another-name')
  same.variables[0]?.set(7)
  const wider = parse('counter-wider')
  const identity = (spec: Spec, name: string): string => {
    const program = spec.programs.find(candidate => candidate.name === name)
    return Buffer.from(identityBytes(spec, program!)).toString('hex')
  }
  assert.is(identity(one, 'on_enter'), identity(same, 'on_enter'))
  assert.is.not(identity(one, 'on_enter'), identity(wider, 'on_enter'))
  assert.is(identity(one, 'on_exit'), identity(wider, 'on_exit'))
  assert.is.not(identity(one, 'on_enter'), identity(one, 'on_exit'))
})

test('a hook that only the target of a program names is part of its identity', () => {
  const identity = (hook: string): string => {
    const spec = parse('link-kernel')
    const program = spec.programs.find(({ name }) => name === 'on_hook')!
    program.target = { hook }
    return Buffer.from(identityBytes(spec, program)).toString('hex')
  }
  assert.is(identity('vfs_read'), identity('vfs_read'))
  assert.is.not(identity('vfs_read'), identity('vfs_write'))
})

test('a big-endian object is read like its little-endian twin', () => {
  const brief = (spec: Spec): unknown =>
    spec.programs.map(({ name, type, body }) => [
      ...[name, type, body.length],
      body.references.map(reference => ({
        ...reference,
        to: 'to' in reference ? reference.to.name : undefined,
      })),
    ])
  const big = parse('functions-eb')
  assert.not(big.elf.littleEndian)
  assert.equal(brief(big), brief(parse('functions')))
  assert.is(big.variables.find(({ name }) => name === 'greeting')?.get(), 'hello')
})

test('variables are placed by their names, also where BTF lists them in another order than they lie', () => {
  // llvm-readelf -s: symbol 17 is 'entered' at 0 and symbol 23 'left' at 8 of .bss
  const { bytes } = new Patch('counter.bpf.o').symbol(17, 'st_value', 8).symbol(23, 'st_value', 0)
  const { variables } = parseSpec(bytes, 'counter')
  const offsetOf = (name: string) => variables.find(variable => variable.name === name)?.offset
  assert.is(offsetOf('entered'), 8)
  assert.is(offsetOf('left'), 0)
})

test('to read a variable makes no more than it, however large its section is', () => {
  const { bytes } = new Patch('counter.bpf.o').section('.bss', 'sh_size', 2 ** 30)
  const { variables } = parseSpec(bytes, 'counter')
  const left = variables.find(({ name }) => name === 'left')
  const before = process.memoryUsage().arrayBuffers
  assert.is(left?.get(), 0n)
  const made = process.memoryUsage().arrayBuffers - before
  assert.ok(made < 2 ** 16, `${made} bytes`)
})

test.run()
