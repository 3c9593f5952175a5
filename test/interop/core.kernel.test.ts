import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError } from '../../src/errors.ts'
import { typesIn } from '../../src/object/core-target.ts'
import { assemble, functionsOf } from '../../src/spec/assemble.ts'
import { resolveCore } from '../../src/spec/core/relocate.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import type { ProgramSpec } from '../../src/spec/types.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, needs } from '../requirements.ts'

const withLibbpf = needs(test, 'root', 'gcc', '/usr/include/bpf/libbpf.h')

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-core-'))
const program = join(scratch, 'core')
test.before(() => {
  // the tests say by themselves what they need
  if (commandPath('gcc') === undefined) return
  const source = new URL('./core.c', import.meta.url).pathname
  const { LIBBPF_DIR: dir } = process.env
  // where `make install` puts it, and where the build leaves it
  const places = [`-I${dir}/include`, `-L${dir}/lib64`, `-L${dir}/lib`, `-L${dir}`]
  const library = dir ? [...places, '-l:libbpf.a', '-lelf', '-lz'] : ['-lbpf']
  execFileSync('gcc', ['-Wall', '-Werror', '-O1', '-o', program, source, ...library])
})
test.after(() => rmSync(scratch, { recursive: true }))

/** Programs by name: their instructions in hexadecimal, or `refused`. */
type Outcomes = Readonly<Record<string, string>>

/** What comes of each program alone, and of all together that are not refused. */
interface Relocated {
  readonly alone: Outcomes
  readonly together: Outcomes
}

function byLibbpf(object: string, types: string): Relocated {
  const output = execFileSync(program, [object, types], { encoding: 'utf8' })
  const [alone = {}, together = {}] = output.split('together\n').map((part): Outcomes => {
    const lines = part.split('\n').filter(line => line !== '')
    return Object.fromEntries(lines.map(line => line.split(' ').slice(0, 2)))
  })
  return { alone, together }
}

function byUs(object: string, types: string): Relocated {
  const spec = parseSpec(readFileSync(object), 'ours')
  const relocate = (programs: readonly ProgramSpec[]): Outcomes => {
    const core = resolveCore(spec, programs.flatMap(functionsOf), typesIn(types))
    const hex = (each: ProgramSpec): string =>
      Buffer.from(assemble(spec, each, () => 0, core).instructions).toString('hex')
    return Object.fromEntries(programs.map(each => [each.name, hex(each)]))
  }
  const refused = new Set<string>()
  const alone = spec.programs.map(each => {
    try {
      return relocate([each])
    } catch (error) {
      if (!(error instanceof BpfError) || error.code !== 'ERR_CORE') throw error
      refused.add(each.name)
      return { [each.name]: 'refused' }
    }
  })
  const together = relocate(spec.programs.filter(({ name }) => !refused.has(name)))
  return { alone: Object.assign({}, ...alone), together }
}

/** What we make otherwise on purpose, and why. */
const others: Readonly<Record<string, string>> = {
  loop: 'libbpf before 1.6 compared the sizes of whole arrays for a load of one element',
  value_TOP_BIT:
    'libbpf takes an unsigned enumerator of 32 bits for a signed one, and refuses what clang wrote',
}

/** The names of programs that come out differently, with both sides. */
function differences(ours: Outcomes, theirs: Outcomes): unknown[] {
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)])
  return [...names]
    .filter(name => ours[name] !== theirs[name] && !others[name])
    .map(name => [name, ours[name], theirs[name]])
}

for (const name of ['core-fields', 'core-types', 'core-signed-loads']) {
  withLibbpf(`the instructions of ${name} are what libbpf makes of them, one by one`, () => {
    const [object, types] = [fixture(name), fixture('core-kernel')]
    const [ours, theirs] = [byUs(object, types), byLibbpf(object, types)]
    assert.ok(Object.keys(theirs.alone).length > 5)
    assert.equal(differences(ours.alone, theirs.alone), [])
    assert.equal(differences(ours.together, theirs.together), [])
  })
}

needs(
  test,
  'root',
  'gcc',
  '/usr/include/bpf/libbpf.h',
  'clang-19',
  'pahole',
  'llvm-objcopy-19',
)('on a kernel of 32 bits, loads of pointers and unsigned integers get its size, as by libbpf', () => {
  const [object, types] = [join(scratch, 'kernel32.o'), join(scratch, 'kernel32.btf')]
  const source = 'struct fields { long same; void *pointer; unsigned long shrunk; int moved; } fields;'
  const flags = ['-target', 'i386-linux-gnu', '-gdwarf-4', '-x', 'c', '-']
  execFileSync('clang-19', [...flags, '-c', '-o', object], { input: source })
  execFileSync('pahole', ['-J', object], { stdio: 'pipe' })
  execFileSync('llvm-objcopy-19', ['--dump-section', `.BTF=${types}`, object])
  const [ours, theirs] = [byUs(fixture('core-fields'), types), byLibbpf(fixture('core-fields'), types)]
  // include/uapi/linux/bpf_common.h: 0x61 is BPF_LDX | BPF_MEM | BPF_W; to r0, from r1
  for (const name of ['pointer', 'shrunk']) assert.is(theirs.alone[`load_${name}`]?.slice(0, 4), '6110')
  assert.equal(differences(ours.alone, theirs.alone), [])
})

needs(
  test,
  'root',
  'gcc',
  '/usr/include/bpf/libbpf.h',
  'clang-19',
)('members without names are gone through as deep as by libbpf', () => {
  const compile = (source: string, object: string): void => {
    execFileSync('clang-19', ['-target', 'bpf', '-g', '-O2', '-x', 'c', '-c', '-', '-o', object], {
      input: source,
    })
  }
  const object = join(scratch, 'deep.o')
  compile(
    `struct deep { int field; } __attribute__((preserve_access_index));
    __attribute__((section("raw_tp/sys_enter"), used)) int read(struct deep *deep) { return deep->field; }`,
    object,
  )
  const outcomes = [60, 61, 62, 63, 64].map(depth => {
    const types = join(scratch, `deep-${depth}.o`)
    const fields = `${'struct { '.repeat(depth)}int field;${' };'.repeat(depth)}`
    compile(`struct deep { int other; ${fields} } deep;`, types)
    const [ours, theirs] = [byUs(object, types), byLibbpf(object, types)]
    assert.equal(ours.alone, theirs.alone, `${depth} deep`)
    return theirs.alone.read === 'refused'
  })
  assert.equal(outcomes, [false, false, false, true, true])
})

test.run()
