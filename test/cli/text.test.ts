import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { columns, treeLines } from '../../src/cli/columns.ts'
import { LineReader } from '../../src/cli/line-reader.ts'
import { mapPath, objectPlace } from '../../src/cli/place.ts'
import { assignmentText, valueText } from '../../src/cli/value-text.ts'
import { reflowed, wrapped } from '../../src/cli/wrap.ts'

test('values are written as C would initialise them', () => {
  assert.is(valueText(5n), '5')
  assert.is(valueText('a "b"\n'), '"a \\"b\\"\\n"')
  assert.is(valueText(true), 'true')
  assert.is(valueText(Uint8Array.of(2, 0x42, 0xac)), '02 42 ac')
  assert.is(
    valueText({ calls: 5n, at: { x: 1, y: -1 }, list: [1, 2] }),
    '{calls: 5, at: {x: 1, y: -1}, list: [1, 2]}',
  )
})

test('zeros at the end of an array that is mostly empty are counted', () => {
  assert.is(valueText(Uint8Array.from([1, 0, 2, ...new Array(16).fill(0)])), '01 00 02 (16 zeros)')
  assert.is(valueText(new Uint8Array(2560)), '(2560 zeros)')
  assert.is(valueText(Uint8Array.of(1, ...new Array(15).fill(0))), `01${' 00'.repeat(15)}`)
  assert.is(valueText(Uint8Array.from([...new Array(20).fill(0), 1])), `${'00 '.repeat(20)}01`)
})

test('text does not move the cursor of a terminal, whatever is in a map', () => {
  // CSI as one character, which JSON leaves as it is
  assert.is(valueText('a\x9b2Jb\x7f'), '"a\\u{9b}2Jb\\u{7f}"')
})

test('names are shown as text is: those of fields and variables come from whoever pinned a map', () => {
  assert.is(valueText({ 'a\x1b[2J': 1 }), '{a\\u{1b}[2J: 1}')
  assert.is(assignmentText('a\nb', 1), 'a\\u{a}b = 1')
  // marks that turn the direction, and what is not seen at all, by which two names look like one
  assert.is(valueText({ 'a\u200f\u061c\u200b\u{e0041}b': 1 }), '{a\\u{200f}\\u{61c}\\u{200b}\\u{e0041}b: 1}')
  assert.is(valueText({ 'größe\t😀': 1 }), '{größe\t😀: 1}')
})

test('help is as wide as the terminal, and commands in it stay in one line', () => {
  const text = 'a sentence that was\nbroken at some width\n\n  a command --with=options --and more\n\nshort'
  assert.is(reflowed(text, undefined), text)
  assert.is(
    reflowed(text, 16),
    'a sentence that\nwas broken at\nsome width\n\n  a command --with=options --and more\n\nshort',
  )
})

test('columns are as wide as their widest cell, and colour takes no room', () => {
  const rows = [
    [{ text: 'a', style: 'bold' }, 'long text', ''],
    ['abc', 'x', 'y'],
  ] as const
  assert.equal(columns(rows), ['a    long text', 'abc  x          y'])
  assert.equal(
    columns(rows, (style, text) => `<${style}>${text}</>`),
    ['<bold>a</>    long text', 'abc  x          y'],
  )
})

test('a tree is drawn as tree(1) draws it', () => {
  assert.equal(
    treeLines([
      { line: 'a', below: [{ line: 'b' }, { line: 'c' }] },
      { line: 'd', below: [{ line: 'e' }] },
    ]),
    ['├── a', '│   ├── b', '│   └── c', '└── d', '    └── e'],
  )
})

test('a name is below the root, a path leads to the directory of an object', () => {
  assert.equal(objectPlace('counter', '/sys/fs/bpf'), { root: '/sys/fs/bpf', name: 'counter' })
  assert.equal(objectPlace('my.service', '/b'), { root: '/b', name: 'my.service' })
  assert.equal(objectPlace('/run/bpf/my:service/', '/b'), { root: '/run/bpf', name: 'my.service' })
  assert.equal(objectPlace('team/counter', '/b'), { root: '/b/team', name: 'counter' })
  assert.equal(objectPlace('./counter', '/b'), { root: process.cwd(), name: 'counter' })
})

test('a map is found by its path, below the root unless that says where it begins', () => {
  assert.is(mapPath('/sys/fs/bpf/counter/maps/flows', '/b'), '/sys/fs/bpf/counter/maps/flows')
  assert.is(mapPath('counter/maps/flows', '/b'), '/b/counter/maps/flows')
  assert.is(mapPath('flows', '/b'), '/b/flows')
  assert.is(mapPath('./flows', '/b'), `${process.cwd()}/flows`)
  assert.is(mapPath('counter/maps/.rodata.config', '/b'), '/b/counter/maps/:rodata:config')
  assert.is(mapPath('/sys/fs/bpf/counter/maps/.bss', '/b'), '/sys/fs/bpf/counter/maps/:bss')
})

test('lines are made of pieces, whatever they are cut in', () => {
  const bytes = new TextEncoder().encode('müde\n\nwach')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new LineReader()
    const lines = [...reader.take(bytes.subarray(0, cut)), ...reader.take(bytes.subarray(cut))]
    assert.equal([...lines, reader.end()], ['müde', '', 'wach'])
  }
  const endless = new LineReader()
  assert.equal(endless.take(new Uint8Array(70_000).fill(97)), ['a'.repeat(70_000)])
})

test('text is broken between words, and not where nobody looks at it', () => {
  assert.equal(wrapped('one two three', 7), ['one two', 'three'])
  assert.equal(wrapped('one-long-word x', 4), ['one-long-word', 'x'])
  assert.equal(wrapped('one two three', undefined), ['one two three'])
  assert.equal(columns([['name', 'some words that', 'do not fit']], undefined, 24), [
    'name  some words that\n    do not fit',
  ])
})

test.run()
