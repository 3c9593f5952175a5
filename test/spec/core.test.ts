import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { essentialName, flavoursIn } from '../../src/btf/index.ts'
import { BpfError } from '../../src/errors.ts'
import { typesIn } from '../../src/object/core-target.ts'
import { assemble, functionsOf, identityBytes } from '../../src/spec/assemble.ts'
import type { CoreTarget } from '../../src/spec/core/candidates.ts'
import { coreRelocations, resolveCore } from '../../src/spec/core/relocate.ts'
import { Instructions } from '../../src/spec/instructions.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import type { Spec } from '../../src/spec/types.ts'
import { fixture } from '../fixtures.ts'

const parse = (name: string): Spec => parseSpec(readFileSync(fixture(name)), name)
const kernel = typesIn(fixture('core-kernel'))

/** The message of resolving and writing the relocations of one program. */
function problemOf(object: string, program: string, target: CoreTarget = kernel): string {
  const spec = parse(object)
  const chosen = spec.programs.find(({ name }) => name === program)!
  try {
    assemble(spec, chosen, () => 0, resolveCore(spec, functionsOf(chosen), target))
  } catch (error) {
    assert.ok(error instanceof BpfError)
    assert.is(error.code, 'ERR_CORE')
    return error.message
  }
  throw new Error('nothing was refused')
}

// tools/lib/bpf/libbpf.c, bpf_core_is_flavor_sep: X___Y, where neither X nor Y is an underscore; the last one counts
for (const [name, essential] of [
  ['task_struct', 'task_struct'],
  ['task_struct___old', 'task_struct'],
  ['task_struct___very_old', 'task_struct'],
  ['task___old___older', 'task___old'],
  ['task____old', 'task____old'],
  ['task___', 'task___'],
  ['___old', '___old'],
  ['a___b', 'a'],
  ['a__b', 'a__b'],
  ['', ''],
] as const) {
  test(`the essential name of '${name}' is '${essential}'`, () => {
    assert.is(essentialName(name), essential)
  })
}

test('the flavours in a blob are the names of its types that have one', () => {
  const { btf } = parse('core-kernel')
  const flavoured = [...btf!].map(({ name }) => name).filter(name => essentialName(name) !== name)
  const found = [...flavoursIn(btf!).values()].flat()
  for (const name of flavoured) assert.ok(found.includes(name), name)
  assert.ok(flavoured.length >= 3)
})

test('types that give different answers are refused with each of them', () => {
  assert.match(
    problemOf('core-fields', 'size_apart'),
    /^function 'size_apart', instruction 0: CO-RE relocation field_byte_size of struct twice\.apart: struct twice\.apart is ambiguous: struct twice \[\d+\] of .*core-kernel\.bpf\.o gives 2, struct twice___kernel \[\d+\] of .* gives 4$/,
  )
})

test('an offset that no load can have is refused with both numbers', () => {
  assert.match(
    problemOf('core-fields', 'load_far'),
    /struct far\.field: its offset is 40000, a load or store takes 32767 at most$/,
  )
})

test('what is not known of array elements is refused by its name', () => {
  assert.match(
    problemOf('core-fields', 'sign_same_3'),
    /field_signed is not known of struct arrays\.same\[3\], an array's element$/,
  )
})

test('an instruction that is not what the compiler relocated is refused with both numbers', () => {
  const spec = parse('core-fields')
  const program = spec.programs.find(({ name }) => name === 'address_moved')!
  const section = spec.elf.sections[program.body.section]!
  const [relocation] = coreRelocations(spec, program.body)
  new Instructions(section.data, true).setImmediate(relocation!.offset / 8, 9)
  // in the object's own struct two members of 4 bytes are before it
  assert.throws(
    () => assemble(spec, program, () => 0, resolveCore(spec, functionsOf(program), kernel)),
    /the instruction has 9, by the object's own types it is 8/,
  )
})

test('the kernel is not asked for types by an object that has no relocations, or none of programs to load', () => {
  const asked = (): never => {
    throw new Error('asked')
  }
  const target: CoreTarget = { main: asked, modules: asked }
  const counter = parse('counter')
  assert.is(resolveCore(counter, counter.programs.flatMap(functionsOf), target).size, 0)
  assert.is(resolveCore(parse('core-fields'), [], target).size, 0)
})

test('modules are asked for a type that the kernel itself does not have, and for no other', () => {
  const asked: string[] = []
  const main = { name: 'vmlinux', btf: parse('core-kernel').btf! }
  const module = { name: 'module late', btf: parse('core-fields').btf! }
  const target: CoreTarget = {
    main: () => main,
    modules: name => {
      asked.push(name)
      return [module]
    },
  }
  const spec = parse('core-fields')
  const program = (name: string) => spec.programs.find(each => each.name === name)!
  const fixes = resolveCore(spec, [program('exists_nowhere').body, program('exists_same').body], target)
  assert.equal(asked, ['nowhere'])
  assert.is(fixes.get(program('exists_nowhere').body)?.[0]?.resolution.value, 1n)
})

test('what a program is told by covers its relocations, and nothing of a kernel', () => {
  const spec = parse('core-fields')
  const bytes = (name: string): string =>
    Buffer.from(identityBytes(spec, spec.programs.find(each => each.name === name)!)).toString('latin1')
  // equal instructions, which are to become different ones
  assert.is.not(bytes('exists_same'), bytes('exists_moved'))
  assert.match(bytes('load_gone'), /struct fields\.gone/)
})

test('what a kernel does not have is told of with the access, and the near names of what it has', () => {
  const spec = parse('core-fields')
  const why = (name: string): string[] => {
    const program = spec.programs.find(each => each.name === name)!
    const { poisoned } = assemble(spec, program, () => 0, resolveCore(spec, functionsOf(program), kernel))
    return [...poisoned.values()].map(each => each.needs().replace(/\[\d+\] of \S+/g, 'there'))
  }
  assert.equal(why('load_nowhere'), ['the byte offset of struct nowhere.x: there is no such type'])
  assert.equal(why('load_gone'), [
    "the byte offset of struct fields.gone: struct fields there has no member 'gone'",
  ])
  assert.equal(why('load_now_pointer'), [
    "the byte offset of struct fields.now_pointer: struct fields there has 'now_pointer' as void *, the program has s32",
  ])
  assert.equal(why('load_shorter_5'), [
    'the byte offset of struct arrays.shorter[5]: struct arrays there has 2 elements at .shorter, and no 5',
  ])
})

test.run()
