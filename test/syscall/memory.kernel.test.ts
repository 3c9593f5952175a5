import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mapTypes } from '../../src/spec/uapi.generated.ts'
import {
  allocate,
  closeFd,
  MappedMemory,
  mapCreate,
  mapFreeze,
  mapLookup,
  mapUpdate,
} from '../../src/syscall/index.ts'
import { opened } from './bpftool.ts'

const MMAPABLE = 0x400
const shared = { type: mapTypes.array, keySize: 4, valueSize: 5000, maxEntries: 1, flags: MMAPABLE }

function mapped(fd: number, write: boolean): MappedMemory {
  const memory = MappedMemory.map(fd, 5000, { write })
  if (typeof memory === 'number') throw new Error(`errno ${-memory}`)
  return memory
}

test('mapped memory and the map are one: writes show both ways', () => {
  const fd = opened(mapCreate(shared))
  const memory = mapped(fd, true)
  const other = mapped(fd, false)
  const key = allocate(4)
  const value = allocate(5000)
  memory.write(3, new Uint8Array([9, 8, 7]))
  memory.write(16, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 0x80]))
  mapLookup(fd, key, value)
  assert.equal([...value.bytes.subarray(2, 7)], [0, 9, 8, 7, 0])
  assert.equal([...value.bytes.subarray(16, 24)], [1, 2, 3, 4, 5, 6, 7, 0x80])
  value.bytes[4999] = 77
  mapUpdate(fd, key, value)
  assert.equal([...other.read(4998, 2)], [0, 77])
  assert.equal([...other.read(16, 8)], [1, 2, 3, 4, 5, 6, 7, 0x80])
  memory.close()
  assert.is(other.read(4999, 1)[0], 77)
  other.close()
  closeFd(fd)
})

test('after close every access throws, and a second close does nothing', () => {
  const fd = opened(mapCreate(shared))
  const memory = mapped(fd, true)
  memory.close()
  memory.close()
  assert.ok(memory.closed)
  const isClosed = (error: Error & { code?: string }): boolean => error.code === 'ERR_CLOSED'
  assert.throws(() => memory.read(0, 1), isClosed)
  assert.throws(() => memory.write(0, new Uint8Array(1)), isClosed)
  closeFd(fd)
})

test('no access leaves the mapping', () => {
  const fd = opened(mapCreate(shared))
  const memory = mapped(fd, true)
  for (const [offset, length] of [
    [4999, 2],
    [-1, 1],
    [5000, 1],
    [0, -1],
    [4996, 8],
  ] as const) {
    assert.throws(() => memory.read(offset, length), /of a mapping of 5000/)
  }
  assert.throws(() => memory.write(4993, new Uint8Array(8)), /of a mapping of 5000/)
  memory.close()
  closeFd(fd)
})

test('what is mapped for reading is not written to', () => {
  const fd = opened(mapCreate(shared))
  const memory = mapped(fd, false)
  assert.throws(() => memory.write(0, new Uint8Array(1)), /for reading only/)
  memory.close()
  closeFd(fd)
})

test('a frozen map, and one that is not made for it, give their errno', () => {
  const fd = opened(mapCreate(shared))
  assert.is(mapFreeze(fd), 0)
  assert.is(MappedMemory.map(fd, 5000, { write: true }), -1)
  mapped(fd, false).close()
  closeFd(fd)
  const plain = opened(mapCreate({ ...shared, flags: 0 }))
  assert.is(MappedMemory.map(plain, 5000), -22)
  closeFd(plain)
  const hash = opened(mapCreate({ type: mapTypes.hash, keySize: 4, valueSize: 8, maxEntries: 1 }))
  assert.is(MappedMemory.map(hash, 8), -524)
  closeFd(hash)
})

test('memory for calls is zeroed, aligned to 8 bytes and has an address even when empty', () => {
  for (const length of [0, 1, 7, 64, 100_000]) {
    const memory = allocate(length)
    assert.is(memory.bytes.length, length)
    assert.ok(memory.address > 0)
    assert.is(memory.address % 8, 0)
    assert.ok(memory.bytes.every(byte => byte === 0))
  }
})

test.run()
