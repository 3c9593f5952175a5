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
  const library = dir ? [`-I${dir}/include`, `${dir}/lib64/libbpf.a`, '-lelf', '-lz'] : ['-lbpf']
  execFileSync('gcc', ['-Wall', '-Werror', '-O1', '-o', program, source, ...library])
})
test.after(() => rmSync(scratch, { recursive: true }))

/** Programs by name: their instructions in hexadecimal, or `refused`. */
type Outcomes = Readonly<Record<string, string>>

function byLibbpf(object: string, types: string): Outcomes {
  const lines = execFileSync(program, [object, types], { encoding: 'utf8' }).trim().split('\n')
  return Object.fromEntries(lines.map(line => line.split(' ').slice(0, 2)))
}

function byUs(object: string, types: string): Outcomes {
  const spec = parseSpec(readFileSync(object), 'ours')
  const outcomes = spec.programs.map(each => {
    try {
      const core = resolveCore(spec, functionsOf(each), typesIn(types))
      const { instructions } = assemble(spec, each, () => 0, core)
      return [each.name, Buffer.from(instructions).toString('hex')]
    } catch (error) {
      if (error instanceof BpfError && error.code === 'ERR_CORE') return [each.name, 'refused']
      throw error
    }
  })
  return Object.fromEntries(outcomes)
}

/** What we make otherwise on purpose, and why. */
const others: Readonly<Record<string, string>> = {
  value_TOP_BIT:
    'libbpf takes an unsigned enumerator of 32 bits for a signed one, and refuses what clang wrote',
}

for (const name of ['core-fields', 'core-types']) {
  withLibbpf(`the instructions of ${name} are what libbpf makes of them, one by one`, () => {
    const [object, types] = [fixture(name), fixture('core-kernel')]
    const [ours, theirs] = [byUs(object, types), byLibbpf(object, types)]
    assert.equal(Object.keys(ours).sort(), Object.keys(theirs).sort())
    const different = Object.keys(theirs).filter(each => ours[each] !== theirs[each] && !others[each])
    assert.equal(
      different.map(each => [each, ours[each], theirs[each]]),
      [],
    )
  })
}

test.run()
