import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfWriter, parseBtf, typeName } from '../../src/btf/index.ts'
import { needs } from '../requirements.ts'
import { openFixture, run } from './objects.ts'

const { btf, path } = openFixture('btf-shapes.bpf.o')

const names: readonly (readonly [variable: string, name: string])[] = [
  ['scalars', 'struct scalars'],
  ['word', 'union word'],
  ['color', 'enum color'],
  ['number', 'u32'],
  ['matrix', 's16[2][2]'],
  ['lookup', 'struct scalars *(*)(struct point *, const char *, ...)'],
  ['constant', 'const char *const'],
  ['rows', 'int (*)[4]'],
  ['unseen', 'struct unseen *'],
  ['twice', 'const volatile u64 *volatile *'],
  ['handlers', 'int (*[3])(void)'],
  ['alone', 'u32 *restrict'],
  ['table', 'const u8[2][3]'],
]

for (const [variable, name] of names) {
  test(`the type of '${variable}' is written ${name}`, () => {
    assert.is(typeName(btf, btf.find(variable, 'var')!.type), name)
  })
}

needs(test, 'clang-19')('the compiler reads every such name as the type of its variable', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-'))
  try {
    const source = path.replace(/o$/, 'c')
    const checks = names.map(([variable, name]) => {
      return `_Static_assert(__builtin_types_compatible_p(typeof(&${variable}), typeof(${name}) *), "${variable}");`
    })
    const file = join(directory, 'names.c')
    writeFileSync(file, `${readFileSync(source, 'utf8')}\n${checks.join('\n')}\n`)
    run(
      'clang-19',
      '-fsyntax-only',
      '-target',
      'bpf',
      '-I/usr/include/x86_64-linux-gnu',
      `-I${dirname(source)}`,
      file,
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a declaration is written with its name', () => {
  assert.is(
    typeName(btf, btf.find('lookup', 'var')!.id),
    'struct scalars *(*lookup)(struct point *, const char *, ...)',
  )
  assert.is(typeName(btf, btf.find('table', 'var')!.id), 'const u8 table[2][3]')
  const { btf: functions } = openFixture('functions.bpf.o')
  assert.is(typeName(functions, functions.find('thrice', 'func')!.id), 'int thrice(int)')
})

test('void is void, and a struct without a name shows that it has members', () => {
  assert.is(typeName(btf, 0), 'void')
  const outer = btf.find('outer', 'struct')!
  const unnamed = outer.members.find(member => member.name === 'unnamed_type')!
  assert.is(typeName(btf, unnamed.type), 'struct {...}')
})

test('a type tag is written as its macro', () => {
  const writer = new BtfWriter()
  const task = writer.add({ kind: 'fwd', name: 'task_struct', of: 'struct' })
  const tag = writer.add({ kind: 'type_tag', name: 'kptr', type: task, attribute: false })
  const pointer = writer.add({ kind: 'ptr', name: '', type: tag })
  assert.is(typeName(parseBtf(writer.finish()), pointer), '__kptr struct task_struct *')
})

test('the name of a pointer to itself comes to an end', () => {
  const writer = new BtfWriter()
  writer.add({ kind: 'ptr', name: '', type: 1 })
  const name = typeName(parseBtf(writer.finish()), 1)
  assert.match(name, /^\.\.\. \*+$/)
  assert.ok(name.length < 200)
})

test.run()
