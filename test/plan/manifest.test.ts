import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeManifest, encodeManifest, type Manifest } from '../../src/plan/manifest.ts'

const manifest: Manifest = {
  generation: 7,
  name: 'counter',
  created: '2026-01-02T03:04:05.678Z',
  pins: [
    { kind: 'map', name: '.rodata', file: ':rodata', id: 12 },
    { kind: 'program', name: 'on_enter', file: 'on_enter', id: 13 },
    { kind: 'link', name: 'on_enter', file: '/sys/fs/bpf/elsewhere', id: 14, shared: true },
  ],
  links: [
    {
      name: 'on_enter',
      program: 'on_enter',
      type: 'raw_tracepoint',
      attachType: null,
      target: { hook: 'sys_enter' },
      cookie: '18446744073709551615',
      mode: null,
    },
  ],
  programs: [{ name: 'on_enter', hash: 'ab'.repeat(32) }],
  btf: new Uint8Array([1, 2, 3, 4, 5]),
}

test('a manifest is read back as it was written', () => {
  assert.equal(decodeManifest(encodeManifest(manifest), 'here'), manifest)
})

test('ids of earlier programs are read back, and nothing else in their place', () => {
  const held = { ...manifest, former: [7, 4711] }
  assert.equal(decodeManifest(encodeManifest(held), 'here'), held)
  for (const wrong of [7, ['7'], [0], [-1], [1.5], { 0: 7 }]) {
    const bytes = encodeManifest({ ...manifest, former: wrong as never })
    assert.throws(() => decodeManifest(bytes, 'here'), /no well-formed list 'former'/)
  }
})

test('directories that were made outside are read back', () => {
  const scattered = { ...manifest, directories: ['/sys/fs/bpf/a', '/sys/fs/bpf/a/b'] }
  assert.equal(decodeManifest(encodeManifest(scattered), 'here'), scattered)
})

test('inode numbers are read back, and refused where they are no runs', () => {
  const known = {
    ...manifest,
    inodes: [
      [4711, 2],
      [0, 1],
    ] as const,
  }
  assert.equal(decodeManifest(encodeManifest(known), 'here'), known)
  for (const wrong of [{}, [1], [[1]], [[1, 2, 3]], [['1', 2]], [[1, 0]], [[-1, 2]], [[1.5, 2]], null, 'x']) {
    const bytes = encodeManifest({ ...manifest, inodes: wrong as never })
    assert.throws(() => decodeManifest(bytes, 'here'), /no well-formed list 'inodes'/)
  }
})

test('the header is the documented one, little-endian', () => {
  const bytes = encodeManifest(manifest)
  assert.is(Buffer.from(bytes.subarray(0, 8)).toString('latin1'), 'bpfpin\0\n')
  const view = new DataView(bytes.buffer)
  assert.is(view.getUint32(8, true), 1)
  assert.is(view.getUint32(12, true), 32)
  assert.is(view.getBigUint64(16, true), 7n)
  const json = JSON.parse(Buffer.from(bytes.subarray(32, 32 + view.getUint32(24, true))).toString())
  assert.equal(Object.keys(json), ['name', 'created', 'pins', 'links', 'programs'])
  assert.is(view.getUint32(28, true), 5)
})

test('a generation beyond 32 bits keeps its number', () => {
  const late = { ...manifest, generation: 2 ** 40 }
  assert.is(decodeManifest(encodeManifest(late), 'here').generation, 2 ** 40)
})

for (const target of [{ functions: 3 }, { hook: 5 }, { interface: 'lo', after: null }]) {
  test(`a link on ${JSON.stringify(target)} is refused, as that is no place`, () => {
    // the compiler knows that these are no targets
    const links = manifest.links.map(link => ({ ...link, target })) as unknown as Manifest['links']
    assert.throws(
      () => decodeManifest(encodeManifest({ ...manifest, links }), 'here'),
      /here has no well-formed target of link 'on_enter'/,
    )
  })
}

const damages: [what: string, damage: (bytes: Uint8Array) => Uint8Array, message: RegExp][] = [
  ['empty', () => new Uint8Array(0), /here is not a manifest/],
  ['another magic', bytes => bytes.fill(0, 0, 1), /is not a manifest/],
  ['a later format', bytes => bytes.fill(9, 8, 9), /format version 9, this bpfpin reads version 1/],
  ['a header that is too short', bytes => bytes.fill(4, 12, 13), /is cut short/],
  ['less BTF than it says', bytes => bytes.subarray(0, bytes.length - 1), /is cut short/],
  ['a JSON text that runs on', bytes => bytes.fill(0xff, 24, 27), /is cut short/],
  ['no JSON', bytes => bytes.fill(0x20, 32, 40), /holds no JSON text/],
  ['JSON of another kind', bytes => withText(bytes, '"counter"'), /names no object/],
  [
    'a list that is none',
    bytes => withText(bytes, '{"name":"x","created":"","pins":{}}'),
    /no well-formed list 'pins'/,
  ],
  [
    'a pin without id',
    bytes => withText(bytes, '{"name":"x","created":"","pins":[{"kind":"map","names":["a"]}]}'),
    /no well-formed list 'pins'/,
  ],
  [
    'fewer ids than pins',
    bytes => withPins(bytes, '{"kind":"map","names":["a","b"],"ids":[[7,1]]}'),
    /has ids for more or for fewer than its maps/,
  ],
  [
    'more ids than pins',
    bytes => withPins(bytes, '{"kind":"map","names":["a","b"],"ids":[[7,1],[9,4000000000]]}'),
    /has ids for more or for fewer than its maps/,
  ],
  [
    'a file of a pin that is not there',
    bytes => withPins(bytes, '{"kind":"map","names":["a"],"ids":[[7,1]],"files":[[1,"b"]]}'),
    /no well-formed list 'pins'/,
  ],
  [
    'a shared pin that is not there',
    bytes => withPins(bytes, '{"kind":"map","names":["a"],"ids":[[7,1]],"shared":[-1]}'),
    /no well-formed list 'pins'/,
  ],
  [
    'a pin outside of its directory',
    bytes => withPins(bytes, '{"kind":"map","names":["a"],"ids":[[1,1]],"files":[[0,"../b"]]}'),
    /lists a map at '..\/b', where no pin can be/,
  ],
  [
    'two files of one pin',
    bytes => withPins(bytes, '{"kind":"map","names":["a"],"ids":[[7,1]],"files":[[0,"b"],[0,"c"]]}'),
    /lists something twice/,
  ],
  [
    'a name that is listed twice',
    bytes => withPins(bytes, '{"kind":"map","names":["a","a"],"ids":[[1,2]]}'),
    /lists something twice/,
  ],
  [
    'a directory outside that is not absolute',
    bytes =>
      withText(bytes, '{"name":"x","created":"","pins":[],"links":[],"programs":[],"directories":["a/b"]}'),
    /no well-formed list 'directories'/,
  ],
  [
    'a pin of an unknown kind',
    bytes => withPins(bytes, '{"kind":"tree","names":["a"],"ids":[[1,1]]}'),
    /no well-formed list 'pins'/,
  ],
]

function withText(bytes: Uint8Array, text: string): Uint8Array {
  const view = new DataView(bytes.buffer)
  const length = view.getUint32(24, true)
  bytes.set(Buffer.from(text.padEnd(length)), 32)
  return bytes
}

function withPins(bytes: Uint8Array, columns: string): Uint8Array {
  return withText(bytes, `{"name":"x","created":"","links":[],"programs":[],"pins":[${columns}]}`)
}

for (const [what, damage, message] of damages) {
  test(`a manifest with ${what} is refused by name`, () => {
    try {
      decodeManifest(damage(encodeManifest(manifest)), 'here')
      assert.unreachable()
    } catch (error) {
      assert.is((error as { code?: string }).code, 'ERR_MANIFEST')
      assert.match((error as Error).message, message)
    }
  })
}

// what a stranger could write, whose consequences others would meet

type Parts = { readonly [K in 'pins' | 'links' | 'programs' | 'conversions' | 'directories']?: unknown }

/** The manifest with something in it that its type does not allow. */
function refusedWith(parts: Parts, message: RegExp): void {
  const bytes = encodeManifest({ ...manifest, ...parts } as unknown as Manifest)
  assert.throws(() => decodeManifest(bytes, 'here'), message)
}

const [pin] = manifest.pins
const [link] = manifest.links

for (const file of ['..', '.', '', 'a.b', 'a/b', 'a\0b', '/sys/fs/bpf/../../etc/passwd', '/..', '/a\0b']) {
  test(`a pin at ${JSON.stringify(file)} is refused`, () => {
    refusedWith({ pins: [{ ...pin, file }] }, /^here lists a map at '.*', where no pin can be$/s)
  })
}

test('a pin whose name holds a NUL is refused: no name in an object does', () => {
  refusedWith({ pins: [{ ...pin, name: 'a\0b' }] }, /^here lists a map whose name holds a NUL$/)
})

test('a pin below directories whose names have dots is read: only bpffs itself has none', () => {
  const pins = [{ ...pin!, file: '/mnt/v1.2/..bpf/flows' }]
  assert.equal(decodeManifest(encodeManifest({ ...manifest, pins }), 'here').pins, pins)
})

for (const id of [-1, 1.5, 2 ** 32, null, '7']) {
  test(`a pin of id ${id} is refused`, () => {
    refusedWith({ pins: [{ ...pin, id }] }, /^here has no well-formed list 'pins'$/)
  })
}

for (const wrong of [
  { cookie: 'abc' },
  { cookie: 7 },
  { cookie: '18446744073709551616' },
  { attachType: {} },
  { mode: 3 },
]) {
  test(`a link with ${JSON.stringify(wrong)} is refused`, () => {
    refusedWith({ links: [{ ...link, ...wrong }] }, /has a link 'on_enter' that nothing can be attached like/)
  })
}

test('a declared target that is no place is refused', () => {
  refusedWith({ links: [{ ...link, declared: { hook: 5 } }] }, /no well-formed target of link 'on_enter'/)
})

test('programs of no kind and fields merged in an unknown way are refused', () => {
  refusedWith({ programs: [{ name: 'x', hash: '', type: 5 }] }, /has a program 'x' of no kind/)
  for (const merge of [null, { bytes: 'max' }]) {
    refusedWith({ conversions: [{ map: 'flows', merge }] }, /no well-formed conversion of map 'flows'/)
  }
  refusedWith({ directories: ['/sys/fs/bpf/../../tmp'] }, /no well-formed list 'directories'/)
})

test('a generation that no number can be is refused', () => {
  const bytes = encodeManifest(manifest)
  new DataView(bytes.buffer).setBigUint64(16, 2n ** 64n - 1n, true)
  assert.throws(() => decodeManifest(bytes, 'here'), /here is of generation 18446744073709552000/)
})

test.run()
