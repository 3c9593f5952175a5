import { chownSync, mkdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { listStrangers, objectNames, Root } from '../../src/pin/index.ts'
import { objPin } from '../../src/syscall/index.ts'
import { isEmulated } from '../effort.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root')
const nobody = 65534

const strangers = () => {
  using open = Root.find(root)
  assert.ok(open)
  return listStrangers(open)
}

onKernel("another user's manifest speaks for his own directory only", () => {
  const spec = openObject(fixture('functions'), { root })
  spec.maps.get('numbers').pinPath = `${root}/elsewhere`
  using object = spec.upgrade()
  assert.equal(strangers().pins, [])
  // what is said by who could be anybody hides nothing that lies elsewhere
  chownSync(`${root}/functions`, nobody, nobody)
  assert.equal(
    strangers().pins.map(({ path, kind, id }) => [path, kind, id]),
    [[`${root}/elsewhere`, 'map', object.maps.get('numbers').id]],
  )
  chownSync(`${root}/functions`, 0, 0)
  object.unpin()
})

// a bound of ours, which no kernel changes, and for which an emulator takes minutes
const many = isEmulated ? () => {} : onKernel

many('no more is looked at than anybody pins on purpose', () => {
  using object = openObject(fixture('functions'), { root }).load()
  const { fd } = object.maps.get('numbers')
  mkdirSync(`${root}/pins`)
  for (let i = 0; i < 21_000; i++) objPin(fd, `${root}/pins/${i}`)
  const { pins, notes } = strangers()
  assert.is(pins.length, 20_000)
  assert.equal(notes, ['there are more than 20000 other pins and directories: not all were looked at'])
  for (let i = 0; i < 21_000; i++) unlinkSync(`${root}/pins/${i}`)
  rmdirSync(`${root}/pins`)
})

many('directories count, too', () => {
  for (let i = 0; i < 21_000; i++) mkdirSync(`${root}/${i}`)
  assert.equal(strangers().notes, [
    'there are more than 20000 other pins and directories: not all were looked at',
  ])
  for (let i = 0; i < 21_000; i++) rmdirSync(`${root}/${i}`)
})

onKernel('a directory that is deeper than anybody makes on purpose is named and not looked into', () => {
  const deep = `${root}/${'d/'.repeat(20)}`
  mkdirSync(deep, { recursive: true })
  const [note = '', ...others] = strangers().notes
  assert.match(note, /^\S+ is not looked into: it is more than 12 levels deep$/)
  assert.is(note.split(' ')[0], `${root}${'/d'.repeat(13)}`)
  assert.equal(others, [])
  rmSync(`${root}/d`, { recursive: true })
})

onKernel('a manifest in a directory that can be no object is a pin as any other', () => {
  using object = openObject(fixture('functions'), { root }).load()
  // bpfpin would write them 100%25, a%7Eb; and no room for ~next
  const odd = ['100%', 'a~b', 'x'.repeat(251)]
  for (const name of odd) {
    mkdirSync(`${root}/${name}`)
    assert.is(objPin(object.maps.get('numbers').fd, `${root}/${name}/~object`), 0)
  }
  using open = Root.find(root)
  assert.equal(open && objectNames(open), [])
  assert.equal(
    strangers()
      .pins.map(({ path }) => path)
      .sort(),
    odd.map(name => `${root}/${name}/~object`).sort(),
  )
  for (const name of odd) rmSync(`${root}/${name}`, { recursive: true })
})

test.run()
