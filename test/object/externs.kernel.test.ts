import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { VerifierError } from '../../src/errors.ts'
import { type BpfObject, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root')

/** What the system's tools find in the configuration of this kernel. */
function configured(name: string): string | undefined {
  const file = `/boot/config-${release()}`
  const text = existsSync(file)
    ? readFileSync(file, 'utf8')
    : execFileSync('zcat', ['/proc/config.gz'], { encoding: 'utf8' })
  return new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]
}

/** Of what a program copied from the configuration into variables of its own, and of the configuration's own variables. */
function valuesOf(object: BpfObject, names: readonly string[]): unknown[] {
  return names.map(name => object.variables.get(name).get())
}

onKernel('values of the configuration are what is in its file, for a program and from outside', () => {
  using object = openObject(fixture('externs-config')).load()
  assert.is(object.programs.get('read').run().returnValue, 0)
  const tristate = { n: 0, y: 1, m: 2 }[configured('CONFIG_VETH') ?? 'n']
  const expected = {
    bpf: configured('CONFIG_BPF_SYSCALL') === 'y',
    letter: 'y'.charCodeAt(0),
    hz: Number(configured('CONFIG_HZ')),
    cpus: Number(configured('CONFIG_NR_CPUS')),
    veth: tristate,
    pointer: BigInt(configured('CONFIG_ILLEGAL_POINTER_VALUE') ?? 0),
    hostname: configured('CONFIG_DEFAULT_HOSTNAME')?.slice(1, -1),
    compiler: configured('CONFIG_CC_VERSION_TEXT')?.slice(1, 4),
    none: 0,
    whatever: 0n,
  }
  assert.equal(valuesOf(object, Object.keys(expected)), Object.values(expected))
  assert.equal(valuesOf(object, ['CONFIG_BPF_SYSCALL', 'CONFIG_HZ', 'CONFIG_DEFAULT_HOSTNAME']), [
    expected.bpf,
    BigInt(expected.hz),
    expected.hostname,
  ])
  const { code } = failure(() => object.variables.get('CONFIG_HZ').set(1n))
  assert.is(code, 'ERR_READ_ONLY')
})

test('an object says what it expects of the kernel, before one is asked', () => {
  const { externs, variables } = openObject(fixture('externs-kfuncs'))
  assert.is(externs.get('bpf_cpumask_create').kind, 'function')
  assert.is(externs.get('no_such_function').isWeak, true)
  assert.is(variables.size, 0)
  const spec = openObject(fixture('externs-config'))
  assert.is(spec.externs.get('CONFIG_HZ').kind, 'kconfig')
  const error = failure(() => spec.variables.get('CONFIG_HZ'))
  assert.is(error.code, 'ERR_UNKNOWN_NAME')
  assert.match(error.message, "variable 'CONFIG_HZ' is a value of the kernel's configuration")
})

onKernel(
  'the version of the kernel, and whether events have cookies, can be asked for like its configuration',
  () => {
    using object = openObject(fixture('externs-config')).load()
    object.programs.get('read').run()
    // Debian's sources have another version than its kernels' names
    const [, build] = /Debian (\S+)/.exec(readFileSync('/proc/sys/kernel/version', 'utf8')) ?? []
    const [major, minor, patch] = (build ?? release()).split(/[.-]/).map(Number)
    const version = major! * 65536 + minor! * 256 + Math.min(patch!, 255)
    assert.equal(valuesOf(object, ['version', 'LINUX_KERNEL_VERSION']), [version, version])
    // Linux 5.15
    assert.is(object.variables.get('cookie').get(), true)
    const hasKprobes = existsSync('/sys/bus/event_source/devices/kprobe')
    assert.is(object.variables.get('wrapper').get(), hasKprobes)
  },
)

onKernel('what is given as configuration counts more than what the kernel has', () => {
  const kconfig = [
    '# CONFIG_BPF_SYSCALL is not set',
    'CONFIG_HZ=0x10',
    'CONFIG_HZ=17',
    'CONFIG_NR_CPUS=-5',
    'CONFIG_VETH=m',
    'CONFIG_BPF=n',
    'CONFIG_DEFAULT_HOSTNAME="a name of more than sixteen"',
    'CONFIG_NO_SUCH_TEXT=""',
    'CONFIG_NO_SUCH_VALUE=010',
  ].join('\n')
  using object = openObject(fixture('externs-config'), { kconfig }).load()
  object.programs.get('read').run()
  assert.equal(valuesOf(object, ['bpf', 'hz', 'cpus', 'veth', 'letter', 'hostname', 'none']), [
    ...[true, 16, -5, 2, 'n'.charCodeAt(0)],
    ...['a name of more ', 8],
  ])
})

onKernel('the map of the configuration is read-only for programs, and frozen', () => {
  using object = openObject(fixture('externs-config')).load()
  const map = object.maps.get('.kconfig')
  // BPF_F_RDONLY_PROG | BPF_F_MMAPABLE
  assert.is(map.info().flags, 0x480)
  assert.is(map.info().name, 'externs.kconfig')
  assert.match(readFileSync(`/proc/self/fdinfo/${map.fd}`, 'latin1'), /^frozen:\s*1$/m)
})

onKernel('a symbol has the address that the kernel lists, and a weak one that is not there has none', () => {
  using object = openObject(fixture('externs')).load()
  object.programs.get('by_address').run()
  const listed = /^([0-9a-f]+) \w kfree$/m.exec(readFileSync('/proc/kallsyms', 'latin1'))?.[1]
  assert.equal(valuesOf(object, ['address', 'missing_symbol', 'missing_variable']), [
    BigInt(`0x${listed}`),
    0n,
    0n,
  ])
})

// kernel/bpf/cpumask.c: there SYSCALL programs may have masks of CPUs
const withFunctions = needs(test, 'root', 'linux 6.12')

withFunctions('functions of the kernel are called, from sub-programs too', () => {
  using object = openObject(fixture('externs-kfuncs')).load()
  assert.is(object.programs.get('called').run().returnValue, 2)
})

withFunctions(
  'of two versions of a function the one that the kernel has is there, the other and an unknown one are not',
  () => {
    using object = openObject(fixture('externs-kfuncs')).load()
    assert.is(object.programs.get('asked').run().returnValue, 1)
  },
)

withFunctions(
  'a program that would call a function which is not there is refused with its name and both types',
  () => {
    const spec = openObject(fixture('externs-kfuncs'))
    spec.programs.get('not_asked').autoload = true
    const unknown = failure(() => spec.load()) as VerifierError
    assert.is(unknown.code, 'ERR_VERIFIER')
    assert.match(
      unknown.message,
      /program 'not_asked' was refused by the verifier: instruction 1 needs kernel function 'no_such_function': neither this kernel nor a module of it has it \(return no_such_function\(ctx, 1\)/,
    )
    assert.is(unknown.hint, 'ask first: if (bpf_ksym_exists(no_such_function)) ...')
    assert.match(unknown.log, 'invalid func unknown#2002')
    spec.programs.get('not_asked').autoload = false
    spec.programs.get('other_version').autoload = true
    const other = failure(() => spec.load())
    assert.match(
      other.message,
      "'bpf_rcu_read_lock___with_argument': it is declared as void (int), and is void (void) in vmlinux",
    )
  },
)

const listsNoVariables = configured('CONFIG_KALLSYMS_ALL') === undefined
onKernel('a variable that the kernel does not list is refused with what the kernel needs', () => {
  const spec = openObject(fixture('externs'))
  spec.programs.get('by_type').autoload = true
  if (!listsNoVariables) return spec.load().close()
  const error = failure(() => spec.load())
  assert.match(error.message, "failed to find the address for kernel symbol 'runqueues'")
  assert.match(error.hint ?? '', 'CONFIG_KALLSYMS_ALL')
})

test.run()
