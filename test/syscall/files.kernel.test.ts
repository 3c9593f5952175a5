import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  BPF_FS_MAGIC,
  changeMode,
  changeOwner,
  closeFd,
  closeRange,
  fileStatus,
  fileSystemType,
  lockFile,
  lockFlag,
  makeDirectory,
  openFile,
  openFlag,
  readDirectory,
  readLink,
  removeDirectory,
  renameFile,
  renameFlag,
  reserveDescriptors,
  unlinkFile,
} from '../../src/syscall/index.ts'
import { needs } from '../requirements.ts'
import { opened } from './bpftool.ts'

const root = process.env.BPFPIN_TEST_ROOT!
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-files-'))

test.after(() => rmSync(scratch, { recursive: true }))

test('bpffs is told from other file systems, by path and by descriptor', () => {
  const fd = opened(openFile(root, openFlag.PATH | openFlag.DIRECTORY))
  assert.is(fileSystemType(root), BPF_FS_MAGIC)
  assert.is(fileSystemType(fd), BPF_FS_MAGIC)
  assert.is.not(fileSystemType('/proc'), BPF_FS_MAGIC)
  assert.is(fileSystemType('/no/such'), -2)
  closeFd(fd)
})

test('directories are made, renamed, exchanged and removed below a descriptor', () => {
  const fd = opened(openFile(root, openFlag.PATH | openFlag.DIRECTORY))
  assert.is(makeDirectory('one', 0o700, fd), 0)
  assert.is(makeDirectory('one', 0o700, fd), -17)
  assert.is(makeDirectory('a.b', 0o700, fd), -1)
  assert.is(makeDirectory('two', 0o711, fd), 0)
  assert.is(makeDirectory('one/inner', 0o700, fd), 0)
  assert.is(renameFile('one', 'two', renameFlag.NOREPLACE, fd), -17)
  assert.is(renameFile('one', 'two', renameFlag.EXCHANGE, fd), 0)
  assert.equal(readdirSync(join(root, 'two')), ['inner'])
  assert.is(renameFile('one', 'three', 0, fd), 0)
  assert.is(removeDirectory('two', fd), -39)
  assert.is(unlinkFile('three', fd), -21)
  for (const name of ['two/inner', 'two', 'three']) assert.is(removeDirectory(name, fd), 0)
  closeFd(fd)
})

test('the status of a file is what node says', () => {
  const path = join(scratch, 'file')
  writeFileSync(path, 'x')
  chmodSync(path, 0o640)
  symlinkSync('file', join(scratch, 'link'))
  const fd = opened(openFile(path, openFlag.RDONLY))
  const expected = statSync(path)
  for (const status of [fileStatus(path), fileStatus(fd)]) {
    if (typeof status === 'number') throw new Error(`errno ${-status}`)
    assert.equal(
      [status.mode, status.uid, status.gid, status.inode, status.links],
      [expected.mode, expected.uid, expected.gid, expected.ino, expected.nlink],
    )
  }
  const link = fileStatus(join(scratch, 'link'))
  assert.is(typeof link === 'number' ? link : link.mode >> 12, 0o12, 'a link is not followed')
  assert.is(readLink(join(scratch, 'link')), 'file')
  assert.is(readLink(path), -22)
  assert.is(fileStatus(join(scratch, 'absent')), -2)
  closeFd(fd)
})

test('modes and owners are changed', () => {
  const path = join(scratch, 'owned')
  writeFileSync(path, '')
  assert.is(changeMode(path, 0o604), 0)
  assert.is(changeOwner(path, 12, 34), 0)
  const { mode, uid, gid } = statSync(path)
  assert.equal([mode & 0o7777, uid, gid], [0o604, 12, 34])
})

test('a directory is listed with the kinds of its entries, also one that takes many reads', () => {
  const many = join(scratch, 'many')
  mkdirSync(many)
  mkdirSync(join(many, 'sub'))
  symlinkSync('x', join(many, 'link'))
  for (let i = 0; i < 1500; i++) writeFileSync(join(many, `file-${i}-ä`), '')
  const fd = opened(openFile(many, openFlag.DIRECTORY))
  const entries = readDirectory(fd)
  if (typeof entries === 'number') throw new Error(`errno ${-entries}`)
  assert.equal(entries.map(({ name }) => name).sort(), readdirSync(many).sort())
  assert.is(entries.find(({ name }) => name === 'sub')?.kind, 'directory')
  assert.is(entries.find(({ name }) => name === 'link')?.kind, 'link')
  assert.is(entries.filter(({ kind }) => kind === 'file').length, 1500)
  closeFd(fd)
  assert.is(readDirectory(fd), -9)
})

test('a lock is held by one open file at a time', () => {
  const one = opened(openFile(root, openFlag.DIRECTORY))
  const other = opened(openFile(root, openFlag.DIRECTORY))
  assert.is(lockFile(one, lockFlag.EXCLUSIVE | lockFlag.NONBLOCK), 0)
  assert.is(lockFile(other, lockFlag.EXCLUSIVE | lockFlag.NONBLOCK), -11)
  assert.is(lockFile(one, lockFlag.UNLOCK), 0)
  assert.is(lockFile(other, lockFlag.SHARED | lockFlag.NONBLOCK), 0)
  closeFd(one)
  closeFd(other)
})

needs(test, 'linux 5.9')('a range of descriptors is closed in one call', () => {
  const first = opened(openFile('/', openFlag.PATH))
  const second = opened(openFile('/', openFlag.PATH))
  if (second === first + 1) {
    assert.is(closeRange(first, second), 0)
    assert.is(closeFd(first), -9)
  } else {
    assert.is(closeRange(second, second), 0)
    assert.is(closeFd(first), 0)
  }
  assert.is(closeFd(second), -9)
})

test('room for descriptors is made at once, up to the limit', () => {
  const size = (): number => Number(/FDSize:\t(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  assert.ok(size() < 3000)
  assert.is(reserveDescriptors(3000), 0)
  assert.ok(size() >= 3000)
  assert.is(reserveDescriptors(2 ** 31 - 100), -22)
})

test('what is opened is closed in programs that this process starts', () => {
  const fd = opened(openFile('/', openFlag.PATH))
  const O_CLOEXEC = 0o2000000
  const flags = /flags:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? ''
  assert.ok((Number.parseInt(flags, 8) & O_CLOEXEC) !== 0)
  closeFd(fd)
})

test.run()
