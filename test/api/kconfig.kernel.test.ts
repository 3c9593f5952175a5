import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject, openPinned, type PinMismatchError } from '../../src/index.ts'
import { bpfpin } from '../cli/bpfpin.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')

const open = (hz: number): ObjectSpec =>
  openObject(fixture('externs-config'), { root, name: 'configured', kconfig: `CONFIG_HZ=${hz}\n` })

onKernel(
  'an object that is pinned with the same configuration is found, with another it is not this object',
  () => {
    using pinned = open(100).upgrade()
    using again = open(100).upgrade()
    assert.ok(again.wasFound)
    assert.is(again.programs.get('read').info().id, pinned.programs.get('read').info().id)
    assert.is(again.variables.get('CONFIG_HZ').get(), 100n)
    const error = failure(() => open(250).loadPinned()) as PinMismatchError
    assert.is(error.code, 'ERR_PIN_MISMATCH')
    assert.match(error.message, /CONFIG_HZ.*(100.*250|250.*100)/)
    again.unpin()
  },
)

onKernel(
  'an upgrade to another configuration replaces its map and the programs, and keeps what the others hold',
  () => {
    using first = open(100).upgrade()
    first.variables.get('cpus').set(7)
    const plan = open(250).plan()
    assert.equal(
      plan.maps.map(({ name, action }) => [name, action]),
      [
        ['.data', 'reuse'],
        ['.bss', 'reuse'],
        ['.kconfig', 'create'],
      ],
    )
    using second = open(250).upgrade()
    assert.is(second.variables.get('cpus').get(), 7)
    second.programs.get('read').run()
    assert.is(second.variables.get('hz').get(), 250)
    using other = openPinned('configured', { root, readOnly: true })
    assert.equal(
      [other.variables.get('CONFIG_HZ').get(), other.variables.get('CONFIG_HZ').readOnly],
      [250n, true],
    )
    second.unpin()
  },
)

onKernel('without a manifest an object with values and symbols of the kernel is known by its tags', () => {
  for (const name of ['externs-config', 'externs']) {
    const spec = (): ObjectSpec => openObject(fixture(name), { root, name: 'tagged' })
    using pinned = spec().upgrade()
    unlinkSync(`${pinned.pinPath}/~object`)
    using found = spec().loadPinned()
    assert.is(found.identity, 'tag')
    rmSync(pinned.pinPath, { recursive: true })
  }
})

onKernel('the tool takes a file with values of the configuration', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-kconfig-'))
  try {
    const file = join(scratch, 'config')
    writeFileSync(file, 'CONFIG_HZ=19\n')
    const place = ['--root', root, '--name', 'told']
    const pinned = bpfpin('pin', fixture('externs-config'), '--kconfig', file, ...place)
    assert.is(pinned.code, 0, pinned.stderr)
    assert.match(bpfpin('dump', 'told/maps/.kconfig', '--root', root).stdout, /CONFIG_HZ\S* .*19/)
    const set = bpfpin('set', 'told', 'CONFIG_HZ=20', '--root', root)
    assert.match(set.stderr, "variable 'CONFIG_HZ' is in .kconfig: constants cannot change")
    const planned = bpfpin('plan', fixture('externs-config'), ...place)
    assert.match(planned.stdout, 'CONFIG_HZ')
    const missing = bpfpin('pin', fixture('externs-config'), '--kconfig', join(scratch, 'none'), ...place)
    assert.is(missing.code, 2)
    assert.match(missing.stderr, "option '--kconfig' takes a file of CONFIG_NAME=value")
    assert.is(bpfpin('unpin', 'told', '--root', root).code, 0)
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

test.run()
