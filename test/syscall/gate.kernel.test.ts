import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapTypes } from '../../src/spec/uapi.generated.ts'
import {
  allocate,
  closeFd,
  type InterceptedCall,
  interceptSyscalls,
  makeDirectory,
  mapCreate,
  mapLookup,
  membarrierGlobal,
  objPin,
  renameFile,
} from '../../src/syscall/index.ts'
import { opened } from './bpftool.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const array = { type: mapTypes.array, keySize: 4, valueSize: 8, maxEntries: 1 }

test.after.each(() => interceptSyscalls(undefined))

test('an interceptor sees each call by name, with its path', () => {
  const seen: InterceptedCall[] = []
  const fd = opened(mapCreate(array))
  interceptSyscalls(call => {
    seen.push(call)
    return -5
  })
  objPin(fd, join(root, 'x'))
  makeDirectory('d', 0o700, 77)
  renameFile('from', 'to', 2)
  interceptSyscalls(undefined)
  assert.equal(
    seen.map(({ name, path }) => [name, path]),
    [
      ['bpf(BPF_OBJ_PIN)', join(root, 'x')],
      ['mkdirat', 'd'],
      ['renameat2', 'to'],
    ],
  )
  assert.equal(seen[1]?.args, [77, seen[1]?.args[1], 0o700])
  assert.equal(readdirSync(root), [])
  closeFd(fd)
})

test('what an interceptor returns is the result, and the call is not made', () => {
  interceptSyscalls(call => (call.name === 'bpf(BPF_MAP_CREATE)' ? -12 : undefined))
  assert.is(mapCreate(array), -12)
  interceptSyscalls(undefined)
  const fd = opened(mapCreate(array))
  interceptSyscalls(() => undefined)
  assert.is(closeFd(fd), 0)
  assert.is(closeFd(fd), -9)
})

test('errno is that of the call, whatever node does in between', () => {
  for (let i = 0; i < 2000; i++) {
    assert.is(mapLookup(-1, null, allocate(8)), -9)
    try {
      readdirSync('/no/such/directory')
    } catch {
      // ENOENT in errno
    }
    assert.is(closeFd(-1), -9)
  }
})

test('a call without failure does not take an old errno for its own', () => {
  assert.is(closeFd(-1), -9)
  assert.is(membarrierGlobal(), 0)
})

test.run()
