import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, VerifierError } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const inRoot = needs(test, 'root', '/sys/kernel/btf/vmlinux')

/** What a SYSCALL program returns, as C's int. */
function result(object: BpfObject, program: string): number {
  return object.programs.get(program).run().returnValue | 0
}

/** The line that bpftool prints of a type of this kernel: `[116] STRUCT 'task_struct' size=9728 vlen=262`. */
function byBpftool(kind: string, name: string): string {
  const all = execFileSync('bpftool', ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  return new RegExp(`^\\[\\d+\\] ${kind} '${name}'.*$`, 'm').exec(all)?.[0] ?? ''
}

inRoot('programs read the fields of the running kernel where they are', () => {
  using object = openObject(fixture('core-running')).load()
  assert.is(result(object, 'tgid_by_types'), process.pid)
  assert.is(result(object, 'tgid_by_function'), process.pid)
})

inRoot('a field that the kernel does not have is not there for the program, which goes another way', () => {
  using object = openObject(fixture('core-running')).load()
  assert.is(result(object, 'tgid_by_flavour'), process.pid)
})

needs(
  test,
  'root',
  'bpftool',
  '/sys/kernel/btf/vmlinux',
)('the size and the id of a type are those that bpftool reads', () => {
  using object = openObject(fixture('core-running')).load()
  const [, id, size] = /^\[(\d+)\].* size=(\d+)/.exec(byBpftool('STRUCT', 'task_struct')) ?? []
  assert.is(result(object, 'task_size'), Number(size))
  assert.is(result(object, 'task_id'), Number(id))
})

inRoot('enumerators have the values of the kernel, and types exist or do not', () => {
  using object = openObject(fixture('core-running')).load()
  // include/uapi/linux/bpf.h: BPF_MAP_TYPE_RINGBUF is 27, BPF_MAP_TYPE_HASH 1
  assert.is(result(object, 'enumerators'), 27 * 1000 + 1 * 10)
  assert.is(result(object, 'absent'), 1)
})

/** The error of loading one program alone. */
function refusal(program: string): VerifierError {
  const spec = openObject(fixture('core-missing'))
  for (const each of spec.programs) each.autoload = each.name === program
  try {
    spec.load().close()
  } catch (error) {
    if (error instanceof VerifierError) return error
    throw error
  }
  throw new Error('was loaded')
}

inRoot(
  'a program that can reach a field that is not there is refused with the field, the type and the line',
  () => {
    const { message, hint, log } = refusal('reaches_load')
    assert.match(
      message,
      /^program 'reaches_load' was refused by the verifier: instruction 1 needs the byte offset of struct task_struct\.never_in_a_kernel: struct task_struct \[\d+\] of vmlinux has no member 'never_in_a_kernel' \(return previous->never_in_a_kernel;.*\)$/,
    )
    assert.match(hint ?? '', /bpf_core_field_exists/)
    assert.match(log, /unknown#195896080/)
  },
)

inRoot('a constant that is not there is told of, too', () => {
  assert.match(
    refusal('reaches_field').message,
    /needs the byte offset of struct task_struct\.never_in_a_kernel: /,
  )
  assert.match(
    refusal('reaches_in_function').message,
    /instruction \d+ needs the byte offset of struct task_struct\.never_in_a_kernel: .*missing_in/,
  )
  assert.match(
    refusal('reaches_enumerator').message,
    /needs the value of enum bpf_map_type___mine: BPF_MAP_TYPE_NEVER: enum bpf_map_type \[\d+\] of vmlinux has no 'BPF_MAP_TYPE_NEVER'/,
  )
})

inRoot('a type that is not there is told of, and a load that would need another size and sign', () => {
  assert.match(
    refusal('reaches_type').message,
    /needs the byte offset of struct bpf_not_in_any_kernel\.x: there is no such type \(/,
  )
  assert.match(
    refusal('reaches_misfit').message,
    /struct task_struct\.tgid: the program has long of 8 bytes, it is pid_t of 4 bytes: the size of a load can change for pointers and unsigned integers only/,
  )
})

inRoot('the types in a file stand for those of the kernel', () => {
  const spec = openObject(fixture('core-types'), { btf: fixture('core-kernel') })
  const wanted = ['value_TWO', 'size_sized', 'exists_plain', 'exists_opaque', 'value_FIRST', 'exists_MISSING']
  for (const each of spec.programs) each.autoload = wanted.includes(each.name)
  using object = spec.load()
  // as core-kernel-types.h has them: TWO = 22, struct sized is of 7 numbers, opaque only declared, FIRST = 5
  const found = wanted.map(name => object.programs.get(name).run().returnValue)
  assert.equal(found, [22, 28, 1, 0, 5, 0])
})

inRoot('a file of types that is not there, or has none, is named', () => {
  const missing = openObject(fixture('core-running'), { btf: '/nowhere/kernel.btf' })
  assert.throws(() => missing.load(), /reading the types in '\/nowhere\/kernel.btf': there is no such file/)
  const none = openObject(fixture('core-running'), { btf: fixture('elf-no-debug') })
  assert.throws(() => none.load(), /elf-no-debug.bpf.o: is an ELF file without a .BTF section/)
})

inRoot('an object that was pinned by one set of types is the same object by another', () => {
  const root = process.env.BPFPIN_TEST_ROOT ?? ''
  const open = (btf?: string) => {
    const spec = openObject(fixture('core-types'), { root, ...(btf === undefined ? {} : { btf }) })
    for (const each of spec.programs) {
      each.autoload = each.name === 'exists_plain'
      each.autoattach = false
    }
    return spec
  }
  using first = open(fixture('core-kernel')).load()
  first.pin()
  try {
    using found = open().loadPinned()
    assert.is(found.programs.get('exists_plain').id, first.programs.get('exists_plain').id)
  } finally {
    first.unpin()
  }
})

test.run()
