import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { closeFd, openFile, openFlag, readListing } from '../../src/syscall/index.ts'

const count = 4000
let directory = ''
const names = Array.from({ length: count }, (_, i) => `file_${i}_${'x'.repeat(i % 50)}`)
const odd = ['größe', '日本語', '~object', ':rodata', '..hidden', '.x', 'x'.repeat(255)]

test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'bpfpin-listing-'))
  for (const name of [...names, ...odd]) writeFileSync(join(directory, name), '')
})
test.after(() => rmSync(directory, { recursive: true }))

const inode = (name: string): number => statSync(join(directory, name)).ino

function list() {
  const fd = openFile(directory, openFlag.RDONLY | openFlag.DIRECTORY)
  const listing = readListing(fd)
  closeFd(fd)
  if (typeof listing === 'number') throw new Error(`getdents64: ${listing}`)
  return listing
}

test('a directory larger than one answer of the kernel is listed whole', () => {
  const listing = list()
  assert.is(listing.size, count + odd.length)
  assert.equal(listing.names().sort(), [...names, ...odd].sort())
})

for (const [order, sorted] of [
  ['that of the listing', () => list().names()],
  ['any other', () => [...names, ...odd]],
  ['the reverse', () => list().names().reverse()],
] as const) {
  test(`each name has its inode number, asked for in this order: ${order}`, () => {
    const listing = list()
    for (const name of sorted()) assert.is(listing.inodeOf(name), inode(name), name)
  })
}

test('what is not there has none', () => {
  const listing = list()
  const [first = ''] = listing.names()
  for (const name of ['', 'file', `${first}x`, first.slice(0, -1), '.', '..', 'grö']) {
    assert.is(listing.inodeOf(name), 0, name)
  }
  assert.is(listing.inodeOf(first), inode(first))
})

test.run()
