// What programs are run on as objects, and what they left. The programs (contexts.bpf.c) say what they read.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, openPinned } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root', 'linux 5.15')
const load = (): BpfObject => openObject(fixture('contexts')).load()
const data = Uint8Array.from({ length: 64 }, (_, i) => 100 + i)

interface SkBuff {
  readonly mark: number
  readonly priority: number
  readonly len: number
  readonly cb: readonly number[]
}

onKernel('fields of a packet’s context are set by name, the others are zero, and all come back', () => {
  using object = load()
  const program = object.programs.get('marks')
  const { returnValue, context } = program.run<SkBuff>({
    data,
    context: { mark: 40, priority: 2, cb: [77, 0, 0, 0, 0] },
  })
  assert.is(returnValue, 77)
  assert.equal([context.mark, context.priority, context.len], [42, 2, 0])
  assert.equal(context.cb, [77, 64, 0, 0, 0])
  const often = program.run<SkBuff>({ data, context: { priority: 3 }, repeat: 5 })
  assert.is(often.context.mark, 15)
  // as bytes it is the same struct: mark is its third field
  assert.is(program.run({ data, context: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0) }).context[8], 9)
})

onKernel('a packet of XDP ends where its data does, unless its context says otherwise', () => {
  using object = load()
  const program = object.programs.get('measures')
  assert.is(program.run({ data, context: {} }).returnValue, 100)
  // 8 bytes of metadata in front of it
  const { returnValue, context } = program.run<{ data: number; data_end: number }>({
    data,
    context: { data: 8 },
  })
  assert.is(returnValue, (8 << 8) | 108)
  assert.equal([context.data, context.data_end], [8, 64])
  const wrong = failure(() => program.run({ data, context: { data: 3 } }))
  assert.is(wrong.code, 'EINVAL')
  assert.match(wrong.hint ?? '', 'a multiple of 4')
})

onKernel('a SYSCALL program has its own struct, nested and with unions', () => {
  using object = load()
  const program = object.programs.get('walks')
  const given = { from: { x: 1, y: 2 }, to: { x: 4, y: 6 }, name: 'a' }
  const { returnValue, context } = program.run({ context: given })
  assert.is(returnValue, 97)
  // 3 and 4 squared
  assert.equal(context, { ...given, length: 25n, bytes: Uint8Array.of(25, 0, 0, 0, 0, 0, 0, 0) })
  assert.equal(given, { from: { x: 1, y: 2 }, to: { x: 4, y: 6 }, name: 'a' })
  const partly = program.run<{ length: bigint; to: { x?: number; y?: number } }>({
    context: { to: { y: 3 } },
  })
  assert.is(partly.context.length, 9n)
})

onKernel('the lookup of a socket is asked for by addresses and ports', () => {
  using object = load()
  const program = object.programs.get('looks')
  const AF_INET = 2
  const loopback = { family: AF_INET, protocol: 6, remote_ip4: 0x0100007f, local_port: 80 }
  assert.is(program.run({ context: loopback }).returnValue, 1)
  assert.is(program.run({ context: { ...loopback, local_port: 81 } }).returnValue, 0)
})

onKernel('a dissector of flows is given keys, and what it fills in comes back', () => {
  using object = load()
  const BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL = 2
  const { returnValue, context } = object.programs
    .get('dissects')
    .run<{ flags: number; ip_proto: number; sport: number; nhoff: number }>({
      data,
      context: { flags: BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL },
    })
  assert.is(returnValue, 0)
  assert.equal([context.ip_proto, context.sport, context.nhoff], [6, 443, 14])
})

onKernel('arguments of a raw tracepoint are an array of integers', () => {
  using object = load()
  const program = object.programs.get('adds')
  assert.is(program.run({ context: [40, 2n] }).returnValue, 42)
  assert.is(program.run({ context: [-1, 3] }).returnValue, 2)
  const few = failure(() => program.run({ context: [1] }))
  assert.equal(
    [few.code, few.hint],
    ['EINVAL', 'the context has to be there, as large as what the program reads of it'],
  )
  // what JavaScript could give
  assert.match(failure(() => program.run({ context: [0.5] })).message, 'context[0]: 0.5 is no integer')
  assert.match(failure(() => program.run({ context: {} })).message, 'is a list of integers')
})

onKernel('types of a pinned object’s programs are in its manifest', () => {
  const root = process.env.BPFPIN_TEST_ROOT ?? ''
  const spec = openObject(fixture('contexts'), { root })
  for (const program of spec.programs) program.autoattach = false
  using object = spec.upgrade()
  {
    using pinned = openPinned('contexts', { root })
    const { context } = pinned.programs
      .get('walks')
      .run<{ length: bigint }>({ context: { to: { x: 5 } } as object })
    assert.is(context.length, 25n)
  }
  using again = spec.loadPinned()
  assert.is(again.programs.get('walks').run<{ length: bigint }>({ context: {} }).context.length, 0n)
  object.unpin()
})

onKernel('what does not fit names its field, and what has no struct is given as bytes', () => {
  using object = load()
  const wrong = (name: string, context: unknown): string =>
    // what JavaScript could give
    failure(() => object.programs.get(name).run({ data, context: context as object })).message
  assert.match(wrong('marks', { mark: -1 }), 'context.mark: -1 does not fit u32')
  assert.match(wrong('marks', { mrak: 1 }), "there is no field 'mrak'; did you mean 'mark'?")
  assert.match(wrong('marks', { cb: [1] }), 'context.cb: has 1 elements')
  assert.match(wrong('marks', 5), 'context: 5 is neither bytes')
  assert.match(wrong('marks', [1, 2]), 'context: an array, which raw tracepoints take, is neither')
  assert.match(wrong('marks', null), 'context: null is neither bytes')
  assert.match(
    wrong('untyped', {}),
    "the context of program 'untyped' (syscall) cannot be made of an object: it takes void *",
  )
})

onKernel('a refusal says what the kernel wants of programs of that type', () => {
  using object = load()
  const hint = (name: string, input: object): string =>
    failure(() => object.programs.get(name).run(input)).hint ?? ''
  assert.match(hint('connects', {}), 'others run where they are attached')
  assert.match(hint('connects', {}), 'sched_cls')
  assert.match(hint('marks', { data: data.subarray(0, 13) }), '14 bytes or more')
  assert.match(hint('marks', {}), '14 bytes or more')
  assert.match(hint('marks', { data, cpu: 0 }), 'only raw tracepoints')
  assert.match(hint('marks', { data, context: { pkt_type: 1 } }), 'only these may be set: mark')
  assert.match(hint('walks', { data, context: {} }), 'take no data')
  assert.match(hint('walks', { context: {}, repeat: 2 }), 'run once')
  assert.match(hint('walks', {}), 'as large as what the program reads')
  assert.match(hint('adds', { data, context: [1, 2] }), 'take no data')
})

test.run()
