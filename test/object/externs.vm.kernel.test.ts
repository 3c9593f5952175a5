import { readFileSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { isAtLeast, needs } from '../requirements.ts'

// where the kernel lists its variables, too, and has modules

const onKernel = needs(test, 'root')
const withModules = needs(test, 'root', '/sys/kernel/btf/nf_conntrack', '/sys/kernel/btf/nf_nat')

onKernel('a per-CPU variable is read by its type, of each CPU', () => {
  const spec = openObject(fixture('externs'))
  spec.programs.get('by_type').autoload = true
  using object = spec.load()
  for (const cpu of [0, 1]) {
    object.variables.get('cpu').set(cpu)
    assert.is(object.programs.get('by_type').run().returnValue, cpu)
  }
})

withModules('functions of two modules are called, each found by its module', () => {
  using object = openObject(fixture('externs-module')).load()
  const packet = new Uint8Array(64)
  const value = (name: string): unknown => object.variables.get(name).get()
  object.programs.get('look_up').run({ data: packet })
  // net/netfilter/nf_conntrack_bpf.c says ENOENT of a connection that there is none of
  assert.is(value('error'), -2)
  object.programs.get('insert').run({ data: packet })
  assert.equal([value('error'), value('translated'), value('inserted')], [0, 0, 1])
})

onKernel('where the kernel hides addresses they are 0, as it says', () => {
  const switchPath = '/proc/sys/kernel/kptr_restrict'
  const before = readFileSync(switchPath, 'latin1')
  writeFileSync(switchPath, '2')
  try {
    using object = openObject(fixture('externs')).load()
    object.programs.get('by_address').run()
    assert.is(object.variables.get('address').get(), 0n)
  } finally {
    writeFileSync(switchPath, before)
  }
})

onKernel('the configuration is read where distributions have it, and the version of Debian sources', () => {
  using object = openObject(fixture('externs-config')).load()
  object.programs.get('read').run()
  const text = readFileSync(`/boot/config-${release()}`, 'latin1')
  const number = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(text)?.[1])
  const [, ...version] =
    /Debian (\d+)\.(\d+)\.(\d+)/.exec(readFileSync('/proc/sys/kernel/version', 'latin1')) ?? []
  const [major, minor, patch] = version.map(Number)
  const values = ['hz', 'cpus', 'veth', 'version', 'cookie', 'wrapper'].map(name =>
    object.variables.get(name).get(),
  )
  assert.equal(values, [
    ...[number('CONFIG_HZ'), number('CONFIG_NR_CPUS'), text.includes('\nCONFIG_VETH=m\n') ? 2 : -1],
    ...[major! * 65536 + minor! * 256 + Math.min(patch!, 255), true, true],
  ])
})

if (!isAtLeast(release(), 'linux 6.2')) {
  onKernel('a function that came later is refused with what can be done', () => {
    const error = failure(() => openObject(fixture('externs-kfuncs')).load())
    assert.is(error.code, 'ERR_EXTERN')
    assert.match(
      error.message,
      /the kernel function 'bpf_cpumask_create' \(used by called\): neither this kernel nor a module of it has it/,
    )
  })
} else {
  onKernel('functions of the kernel are called, and those that are not there are told from them', () => {
    using object = openObject(fixture('externs-kfuncs')).load()
    assert.is(object.programs.get('called').run().returnValue, 2)
    assert.is(object.programs.get('asked').run().returnValue, 1)
  })
}

test.run()
