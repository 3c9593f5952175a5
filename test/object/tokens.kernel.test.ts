// A user namespace in which BPF is permitted by the bpffs that was mounted there.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { commandPath, needs } from '../requirements.ts'

const withTokens = needs(test, 'root', 'gcc', 'linux 6.9')

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-tokens-'))
const program = join(scratch, 'delegated')
const place = join(scratch, 'bpf')
test.before(() => {
  mkdirSync(place)
  // the tests say by themselves what they need
  if (commandPath('gcc') === undefined) return
  const source = new URL('./delegated.c', import.meta.url).pathname
  execFileSync('gcc', ['-Wall', '-Werror', '-O1', '-o', program, source])
})
test.after(() => rmSync(scratch, { recursive: true }))

interface Asked {
  readonly delegate?: 'any' | 'none'
  /** Where the bpffs is. */
  readonly at?: string
  readonly option?: string
  readonly variable?: string
}

interface Said {
  readonly code?: string
  readonly message?: string
  readonly hint?: string
}

/** What comes of loading and pinning in a user namespace. */
function inside({ delegate = 'any', at = place, option, variable }: Asked): Said {
  const script = new URL('./delegated.ts', import.meta.url).pathname
  const { LIBBPF_BPF_TOKEN_PATH: _, ...others } = process.env
  const output = execFileSync(
    program,
    [
      delegate,
      at,
      process.execPath,
      ...process.execArgv,
      script,
      at,
      ...(option === undefined ? [] : [option]),
    ],
    {
      encoding: 'utf8',
      env: variable === undefined ? others : { ...others, LIBBPF_BPF_TOKEN_PATH: variable },
    },
  )
  return JSON.parse(output)
}

const whole = { programs: 1, isSame: true }

withTokens('an object is loaded, pinned and found by tokens of the bpffs that an option names', () => {
  assert.equal(inside({ option: place }), whole)
})

withTokens('the environment names the bpffs as it does for libbpf, and by default it is /sys/fs/bpf', () => {
  assert.equal(inside({ variable: place }), whole)
  assert.equal(inside({ at: '/sys/fs/bpf' }), whole)
  const without = inside({ at: '/sys/fs/bpf', variable: '' })
  assert.is(without.code, 'EPERM')
})

withTokens('without tokens the error says that a user namespace needs them', () => {
  const { code, hint } = inside({})
  assert.is(code, 'EPERM')
  assert.match(hint ?? '', /user namespace.*delegates.*LIBBPF_BPF_TOKEN_PATH/)
})

withTokens('a bpffs that gives none is refused, and why', () => {
  const nothing = inside({ delegate: 'none', option: place })
  assert.is(nothing.code, 'ENOENT')
  assert.match(nothing.hint ?? '', /delegated nothing/)
  const missing = inside({ option: join(scratch, 'nowhere') })
  assert.is(missing.code, 'ENOENT')
  assert.is(missing.hint, undefined)
})

withTokens('outside of user namespaces an option that names a bpffs is refused', () => {
  const root = process.env.BPFPIN_TEST_ROOT ?? ''
  const refusal = (token: string): BpfError =>
    failure(() => openObject(fixture('functions'), { token }).load())
  assert.match(refusal(dirname(root)).hint ?? '', /capabilities are enough/)
  assert.match(refusal(root).hint ?? '', /of the place where a bpffs is mounted/)
})

test.run()
