import { cpus } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  closeFd,
  epollAdd,
  epollCreate,
  epollDelete,
  epollWait,
  getAffinity,
  openFile,
  openFlag,
  setAffinity,
} from '../../src/syscall/index.ts'
import { opened } from './bpftool.ts'

test('a thread is bound to a CPU and set free again', () => {
  const all = getAffinity()
  assert.ok(Array.isArray(all) && all.length > 0 && all.length <= cpus().length)
  const last = all.at(-1)!
  assert.is(setAffinity([last]), 0)
  assert.equal(getAffinity(), [last])
  assert.is(setAffinity(all), 0)
  assert.equal(getAffinity(), all)
  assert.is(setAffinity([]), -22)
})

test('epoll tells which of its members have input, and says no to mistakes', () => {
  const epoll = opened(epollCreate())
  const random = opened(openFile('/dev/random', openFlag.RDONLY)) // always readable
  const file = opened(openFile('/tmp', openFlag.RDONLY))
  assert.equal(epollWait(epoll, 0), [])
  assert.is(epollAdd(epoll, random), 0)
  assert.is(epollAdd(epoll, random), -17)
  assert.is(epollAdd(epoll, 99_999), -9)
  assert.is(epollAdd(epoll, file), -1, 'EPERM: a directory cannot be polled')
  assert.equal(epollWait(epoll, 1000), [random])
  assert.is(epollDelete(epoll, random), 0)
  assert.is(epollDelete(epoll, random), -2)
  assert.equal(epollWait(epoll, 0), [])
  for (const fd of [epoll, random, file]) closeFd(fd)
})

test('an epoll with several members that are ready names them all', () => {
  const epoll = opened(epollCreate())
  const members = [1, 2, 3].map(() => opened(openFile('/dev/random', openFlag.RDONLY)))
  for (const fd of members) epollAdd(epoll, fd)
  const ready = epollWait(epoll, 1000)
  assert.equal(Array.isArray(ready) && ready.sort(), members.sort())
  for (const fd of [epoll, ...members]) closeFd(fd)
})

test.run()
