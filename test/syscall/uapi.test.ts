import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attachTypes, constants, linkTypes, mapTypes, programTypes } from '../../src/spec/uapi.generated.ts'
import { needs } from '../requirements.ts'

const tables: Record<string, Readonly<Record<string, number>>> = {
  BPF_MAP_TYPE_: mapTypes,
  BPF_PROG_TYPE_: programTypes,
  BPF_LINK_TYPE_: linkTypes,
  BPF_: attachTypes,
}

/** Prints the value of each expression by a C program; those that the headers do not know are left out. */
function valuesInC(names: string[]): Map<string, number> {
  const headers = ['linux/bpf.h', 'linux/if_link.h', 'stdio.h']
  const source = (rows: string[]): string =>
    [...headers.map(header => `#include <${header}>`), 'int main(void) {', ...rows, '}'].join('\n')
  const compile = (rows: string[], ...args: string[]): string => {
    try {
      execFileSync('cc', ['-w', '-x', 'c', '-fmax-errors=0', ...args, '-'], {
        input: source(rows),
        encoding: 'utf8',
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { ...process.env, LC_ALL: 'C' }, // its quotation marks
      })
      return ''
    } catch (error) {
      return (error as { stderr: string }).stderr // what execFileSync throws for an exit code
    }
  }
  const probe = compile(
    names.map(name => `(void)${name};`),
    '-fsyntax-only',
  )
  const unknown = new Set([...probe.matchAll(/'(\w+)' undeclared/g)].map(match => match[1]!))
  const known = names.filter(name => !unknown.has(name))
  const dir = mkdtempSync(join(tmpdir(), 'bpfpin-uapi-'))
  const program = join(dir, 'values')
  assert.is(
    compile(
      known.map(name => `printf("%lld\\n", (long long)${name});`),
      '-o',
      program,
    ),
    '',
  )
  const lines = execFileSync(program, { encoding: 'utf8' }).trimEnd().split('\n')
  rmSync(dir, { recursive: true })
  return new Map(known.map((name, i) => [name, Number(lines[i])]))
}

needs(
  test,
  'cc',
  '/usr/include/linux/bpf.h',
)('names and numbers are those of the headers', () => {
  const expected = new Map(Object.entries<number>(constants))
  for (const [prefix, table] of Object.entries(tables)) {
    for (const [name, number] of Object.entries(table)) expected.set(prefix + name.toUpperCase(), number)
  }
  const known = valuesInC([...expected.keys()])
  assert.ok(known.size > 150, `${known.size} of ${expected.size} names are in the system's headers`)
  for (const [name, value] of known) assert.is(expected.get(name), value, name)
})

test('no table has the mark at the end of a C enum, nor a name that is deprecated', () => {
  for (const table of Object.values(tables)) {
    assert.equal(
      Object.keys(table).filter(name => /max|deprecated/.test(name)),
      [],
    )
  }
})

test.run()
