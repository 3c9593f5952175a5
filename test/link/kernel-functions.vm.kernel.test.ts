// Probes of kernel functions, by name, pattern and address.
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject, type Target } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root')
// Debian's kernels have fprobe since then
const withMulti = needs(test, 'root', 'linux 6.12')

function loaded(program: string, target?: Target, cookie?: bigint): BpfObject {
  const spec = openObject(fixture('link-kernel'))
  spec.variables.get('only_pid').set(process.pid)
  for (const one of spec.programs) one.autoload = one.name === program
  const only = spec.programs.get(program)
  only.target = target
  if (cookie !== undefined) only.link.cookie = cookie
  return spec.load()
}

function attached(...args: Parameters<typeof loaded>): BpfObject {
  const object = loaded(...args)
  object.attach()
  return object
}

const value = (object: BpfObject, name: string): unknown => object.variables.get(name).get()

/** Opens files; each is one call of security_file_open. */
const openFiles = (): void => {
  for (let i = 0; i < 10; i++) readFileSync('/proc/self/stat')
}

onKernel('a probe of a function hands its cookie to the program', () => {
  using object = attached('on_probe', undefined, 0x1234_5678_9abc_def0n)
  openFiles()
  assert.is(value(object, 'probed'), 10n)
  assert.is(value(object, 'probe_cookie'), 0x1234_5678_9abc_def0n)
  const link = object.links.get('on_probe')
  assert.equal(link.target, { function: 'security_file_open' })
  assert.ok(link.alive)
})

onKernel('a traced function hands its cookie to the program', () => {
  using object = attached('on_entry', undefined, 9n)
  openFiles()
  assert.equal([value(object, 'entered'), value(object, 'entry_cookie')], [10n, 9n])
  assert.equal(object.links.get('on_entry').target, { hook: 'security_file_open' })
})

onKernel('a function that is not there is refused, and it is said where they are', () => {
  using object = loaded('on_probe', { function: 'no_such_function' })
  const error = failure(() => object.attach())
  assert.is(error.code, 'ENOENT')
  assert.match(error.hint!, /\/proc\/kallsyms/)
})

onKernel('a probe of returns takes no offset', () => {
  using object = loaded('on_probe_return', { function: 'security_file_open', offset: 4 })
  assert.match(failure(() => object.attach()).message, /a kretprobe takes no offset/)
})

onKernel('a system call that is not there is refused by its name', () => {
  using object = loaded('on_syscall', { syscall: 'getgrandparent' })
  const error = failure(() => object.attach())
  assert.is(error.code, 'ERR_NO_TARGET')
  assert.match(error.message, /this kernel has no system call 'getgrandparent'/)
})

onKernel('another hook than the one that it was loaded for is refused', () => {
  using object = loaded('on_entry', { hook: 'vfs_read' })
  assert.match(
    failure(() => object.attach()).message,
    /is loaded for 'security_file_open', not for 'vfs_read'/,
  )
})

withMulti('functions by name, by pattern and by address, each once, with one cookie', () => {
  const address = /^([0-9a-f]+) \w security_file_open$/m.exec(readFileSync('/proc/kallsyms', 'latin1'))?.[1]
  for (const functions of [
    'security_file_open',
    ['security_file_open', 'security_file_free'],
    ['security_file_open', 'security_file_open'],
    'security_file_ope?',
    ['*_file_open', 'security_file_open'],
    `0x${address}`,
    [`0x${address}`, 'security_*_open'],
  ]) {
    using object = attached('on_many', { functions }, 3n)
    openFiles()
    assert.ok((value(object, 'probed_many') as bigint) >= 10n, `${functions}`)
    assert.is(value(object, 'many_cookie'), 3n, `${functions}`)
  }
})

withMulti('where addresses are hidden from everybody, patterns become names', () => {
  const restriction = '/proc/sys/kernel/kptr_restrict'
  const before = readFileSync(restriction, 'latin1')
  writeFileSync(restriction, '2')
  try {
    using object = attached('on_many', { functions: ['security_file_ope?', 'security_file_free'] }, 3n)
    openFiles()
    assert.ok((value(object, 'probed_many') as bigint) >= 10n)
    assert.is(value(object, 'many_cookie'), 3n)
    const info = object.links.get('on_many').info()
    assert.is(info.kind === 'kprobe_multi' && info.count, 2)
    using missing = loaded('on_many', { functions: ['security_file_ope?', 'no_such_*'] })
    assert.is(failure(() => missing.attach()).code, 'ERR_NO_TARGET')
    using both = loaded('on_many', { functions: ['security_file_ope?', '0xffffffff81000000'] })
    const error = failure(() => both.attach())
    assert.is(error.code, 'ERR_UNSUPPORTED')
    assert.match(error.hint!, /kptr_restrict/)
  } finally {
    writeFileSync(restriction, before)
  }
})

withMulti('a pattern probes as many functions as ftrace lists', () => {
  using object = attached('on_many', { functions: 'security_file_*' })
  const listed = readFileSync('/sys/kernel/tracing/available_filter_functions', 'latin1').match(
    /^security_file_\w+/gm,
  )
  const info = object.links.get('on_many').info()
  assert.is(info.kind === 'kprobe_multi' && info.count, listed?.length)
})

withMulti('a session runs at both ends of a call', () => {
  using object = attached('on_session')
  openFiles()
  assert.is(value(object, 'in_session'), 20n)
})

withMulti('a name or pattern that nothing has is refused, a name with near ones', () => {
  using byName = loaded('on_many', { functions: ['security_file_open', 'security_file_opn'] })
  const name = failure(() => byName.attach())
  assert.is(name.code, 'ERR_NO_TARGET')
  assert.match(
    name.message,
    /no function 'security_file_opn' that can be probed; did you mean 'security_file_open'/,
  )
  using byPattern = loaded('on_many', { functions: 'no_such_*' })
  const pattern = failure(() => byPattern.attach())
  assert.match(pattern.message, /no function 'no_such_\*' that can be probed$/)
  assert.match(pattern.hint!, /available_filter_functions/)
})

test.run()
