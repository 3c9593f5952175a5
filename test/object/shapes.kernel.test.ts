import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, openObject } from '../../src/index.ts'
import { progTestRun } from '../../src/syscall/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const onKernel = needs(test, 'root', 'bpftool')

onKernel('static maps and variables of one name, from two files that were linked, are each their own', () => {
  using object = openObject(fixture('linked')).load()
  const { maps, variables, programs } = object
  assert.equal(
    [...maps.names()].filter(name => name.startsWith('hits')),
    ['hits', 'hits~1'],
  )
  assert.equal([maps.get('hits').info().maxEntries, maps.get('hits~1').info().maxEntries], [4, 8])
  const run = (name: string, key: number): void => {
    const context = new Uint8Array(new Uint32Array([key]).buffer)
    assert.is(progTestRun(programs.get(name).fd, { contextIn: context }).returnValue, 0)
  }
  run('first', 1)
  run('second', 2)
  run('second', 3)
  assert.equal([...maps.get('hits')], [[1, 5n]])
  assert.equal([...maps.get('hits~1')].sort(), [
    [2, 9n],
    [3, 10n],
  ])
  assert.equal([variables.get('calls').get(), variables.get('calls~1').get()], [5n, 10n])
})

onKernel('a map may have more entries than an array of C could', () => {
  const spec = openObject(fixture('odd/large-map'))
  assert.is(spec.maps.get('huge').maxEntries, 2 ** 30)
  // the machine may not have the memory for the hash's buckets, but it understood the question
  try {
    spec.load().close()
  } catch (error) {
    assert.ok(['ENOMEM', 'E2BIG'].includes((error as BpfError).code), String(error))
  }
})

// commit d0d78c1df9b1: in 6.1 each mention of a variable is another lock for the verifier
const withLocks = needs(test, 'root', 'linux 6.2')

withLocks('variables beside a lock are read, and are not written from outside', () => {
  using object = openObject(fixture('locked')).load()
  const variable = object.variables.get('under_lock')
  assert.is(variable.get(), 7n)
  progTestRun(object.programs.get('use').fd, { dataIn: new Uint8Array(64) })
  assert.is(variable.get(), 8n)
  const error = failure(() => variable.set(1n))
  assert.is(error.code, 'ERR_READ_ONLY')
  assert.match(error.message, 'a lock, timer or kernel pointer is among them')
})

onKernel('queues, stacks and bloom filters take values without keys', () => {
  const spec = openObject(fixture('locked'))
  spec.programs.get('use').autoload = false
  using object = spec.load()
  for (const [name, expected] of [
    ['line', 1],
    ['pile', 2],
  ] as const) {
    const map = object.maps.get(name)
    map.set([], 1)
    map.set([], 2)
    assert.is(map.get([]), expected, name)
  }
  const seen = object.maps.get('seen')
  seen.set([], 5)
  const dump = execFileSync('bpftool', ['map', 'peek', 'id', String(object.maps.get('line').id), '--json'])
  assert.match(dump.toString(), /0x01/)
})

onKernel('a process without free descriptors is told so, and not that its program is wrong', () => {
  const code = `
    const { openObject } = await import('${new URL('../../src/index.ts', import.meta.url)}')
    const { openSync } = await import('node:fs')
    const spec = openObject('${fixture('functions')}')
    spec.load().close()
    const held = []
    try { for (;;) held.push(openSync('/dev/null')) } catch {}
    for (let free = 0; free < 9; free++) {
      const { closeSync } = await import('node:fs')
      closeSync(held.pop())
      try { spec.load().close(); console.log('loaded'); break } catch (error) { console.log(error.code, /may have [0-9]+ files open/.test(error.hint)) }
    }`
  const hook = new URL('../ts-hook.mjs', import.meta.url).href
  const flags = ['--import', hook, '--input-type=module', '-e', code]
  const command = `ulimit -n 200; exec "$0" "$@"`
  const output = execFileSync('sh', ['-c', command, process.execPath, ...flags], { encoding: 'utf8' })
  const lines = output.trim().split('\n')
  assert.is(lines.pop(), 'loaded')
  assert.ok(lines.length >= 3, output)
  for (const line of lines) assert.is(line, 'EMFILE true')
})

test.run()
