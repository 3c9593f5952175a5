// An object whose types a kernel does not know all kinds of. No kernel here is so old: calls that load types are refused.
import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

interface Dump {
  readonly types: readonly {
    readonly id: number
    readonly kind: string
    readonly name: string
    readonly size?: number
  }[]
}

/** What the kernel holds of the types of a program, as bpftool tells it. */
function dump(btfId: number): Dump['types'] {
  const text = execFileSync('bpftool', ['--json', 'btf', 'dump', 'id', String(btfId)], { encoding: 'utf8' })
  return (JSON.parse(text) as Dump).types
}

/** Loads with the first calls that load types refused, and says what the kernel has then. */
function loadRefused(times: number): Dump['types'] {
  let calls = 0
  interceptSyscalls(({ name }) => (name === 'bpf(BPF_BTF_LOAD)' && calls++ < times ? -22 : undefined))
  try {
    using object = openObject(fixture('late-kinds')).load()
    const program = object.programs.get('on_packet')
    assert.is(program.run({ data: new Uint8Array(64) }).returnValue, 1)
    return dump(program.info().btfId)
  } finally {
    interceptSyscalls(undefined)
  }
}

const kindsOf = (types: Dump['types']): string[] =>
  ['ENUM64', 'TYPE_TAG', 'DECL_TAG', 'FLOAT'].filter(kind => types.some(type => type.kind === kind))

needs(
  test,
  'root',
  'bpftool',
)('kinds that a kernel does not know give way one after the other, the latest first', () => {
  const whole = loadRefused(0)
  assert.equal(kindsOf(whole), ['ENUM64', 'TYPE_TAG', 'DECL_TAG', 'FLOAT'])
  // the first call, and the one that asks for the reason
  assert.equal(kindsOf(loadRefused(2)), ['TYPE_TAG', 'DECL_TAG', 'FLOAT'])
  assert.equal(kindsOf(loadRefused(3)), ['DECL_TAG', 'FLOAT'])
  assert.equal(kindsOf(loadRefused(4)), ['FLOAT'])
  const oldest = loadRefused(5)
  assert.equal(kindsOf(oldest), [])
  assert.is(oldest.length, whole.length)
  for (const [i, { kind, name, size }] of whole.entries()) {
    const other = oldest[i]!
    assert.is(other.size, kind === 'DECL_TAG' ? 1 : size, name)
    if (!['ENUM64', 'TYPE_TAG', 'DECL_TAG', 'FLOAT'].includes(kind)) assert.equal(other, whole[i])
  }
})

test.run()
