import fc from 'fast-check'
import { decodeManifest, encodeManifest, type Manifest } from '../../../src/plan/manifest.ts'
import { isPlacedOr, type Questions, type Target } from '../contract.ts'
import type { Sound } from '../damage.ts'
import { PartReader } from '../fields.ts'

const name = fc.constantFrom('counter', '.rodata', 'a', 'größe', 'on_enter~1')
const id = fc.integer({ min: 1, max: 2 ** 32 - 1 })

/** A manifest as it is written. */
const right: fc.Arbitrary<Manifest> = fc.record({
  generation: fc.integer({ min: 1, max: 2 ** 40 }),
  name,
  created: fc.constant('2026-01-02T03:04:05.678Z'),
  pins: fc.uniqueArray(
    fc.record({
      kind: fc.constantFrom('map' as const, 'program' as const, 'link' as const),
      name: fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', '_', '1') }),
      file: fc.constantFrom('a', ':b', 'c~1', '/sys/fs/bpf/elsewhere'),
      id,
    }),
    { selector: pin => `${pin.kind} ${pin.name}`, maxLength: 4 },
  ),
  links: fc.array(
    fc.record({
      name,
      program: name,
      type: fc.constantFrom('raw_tracepoint', 'xdp', 'struct_ops'),
      attachType: fc.constantFrom(null, 'xdp'),
      target: fc.constantFrom(null, { hook: 'sys_enter' }, { interface: 'lo' }),
      cookie: fc.constantFrom(null, '0', '18446744073709551615'),
      mode: fc.constantFrom(null, 'native'),
    }),
    { maxLength: 2 },
  ),
  programs: fc.array(fc.record({ name, hash: fc.constant('ab'.repeat(32)) }), { maxLength: 2 }),
  inodes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 })), { maxLength: 2 }),
  directories: fc.constantFrom([], ['/sys/fs/bpf/a']),
  structOps: fc.constantFrom([], [{ map: 'ops', definition: { name: 'x' } }]),
  conversions: fc.constantFrom([], [{ map: 'flows', merge: { bytes: 'sum' as const } }]),
  btf: fc.uint8Array({ maxLength: 16 }),
})

/** What others could put where we put something. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, true, -1, 1.5, 1e308, 2 ** 53, '', '..', '../../etc', '/', '/../..', '.', 'a\0b', 'a/b'],
    ...[
      '/sys/fs/bpf/\0',
      '__proto__',
      'constructor',
      '\x1b[2J',
      'a'.repeat(5000),
      [],
      {},
      [[]],
      { length: 1e9 },
    ],
    ...[{ toString: 1 }, '99999999999999999999999999', '-1', '0x10', '1e5', ' '],
  ),
  fc.jsonValue(),
)

/** Anything in the place of one of its parts: where, as numbers, and what. */
const hostile = fc
  .tuple(
    right,
    fc.array(fc.tuple(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), odd), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([manifest, changes]) => {
    const bytes = encodeManifest(manifest)
    const changed: unknown = JSON.parse(textOf(bytes))
    for (const [path, value] of changes) replace(changed, path, value)
    return withText(bytes, JSON.stringify(changed))
  })

const header = 32

function textOf(bytes: Uint8Array): string {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true)
  return Buffer.from(bytes.subarray(header, header + length)).toString()
}

/** The same with another text, and without BTF. */
function withText(bytes: Uint8Array, text: string): Uint8Array {
  const encoded = Buffer.from(text)
  const changed = new Uint8Array(header + Math.ceil(encoded.length / 8) * 8)
  changed.set(bytes.subarray(0, header))
  changed.set(encoded, header)
  const view = new DataView(changed.buffer)
  view.setUint32(24, encoded.length, true)
  view.setUint32(28, 0, true)
  return changed
}

function replace(tree: unknown, path: readonly number[], value: unknown): void {
  if (typeof tree !== 'object' || tree === null) return
  const keys = Object.keys(tree)
  const key = keys[path[0]! % keys.length]
  if (key === undefined) return
  const inside = tree as Record<string, unknown> // an object or an array has what its keys name
  const deeper = inside[key]
  if (path.length > 1 && typeof deeper === 'object' && deeper !== null) replace(deeper, path.slice(1), value)
  else inside[key] = structuredClone(value)
}

/** What a stranger may have pinned where an object says what it is. */
export const manifestTarget: Target = {
  name: 'manifest',
  sounds: right.map(manifestSound),
  hostile,
  isRefusal: isPlacedOr('ERR_MANIFEST'),
  hasTwin: false,
  ask(bytes, questions) {
    const manifest = decodeManifest(bytes, 'here')
    questions.note(manifest.name, manifest.created, manifest.generation, manifest.btf.length)
    mustBeUsable(manifest, questions)
  },
}

function manifestSound(manifest: Manifest): Sound {
  const bytes = encodeManifest(manifest)
  const header = new PartReader(bytes, true)
  header.add(
    0,
    [0, 4, 'value'],
    [8, 4, 'value'],
    [12, 4, 'offset'],
    [16, 8, 'value'],
    [24, 4, 'size'],
    [28, 4, 'size'],
  )
  return { name: 'manifest', bytes, parts: [header.fields] }
}

/** What the rooms above do with it without looking: it was checked when it was read. */
function mustBeUsable(manifest: Manifest, questions: Questions): void {
  const must = (is: boolean, what: string): void => {
    if (!is) throw new Error(`a manifest with ${what} was read: ${JSON.stringify({ ...manifest, btf: 0 })}`)
  }
  const isText = (value: unknown): boolean => typeof value === 'string'
  const isTextOrNull = (value: unknown): boolean => value === null || isText(value)
  must(Number.isSafeInteger(manifest.generation), 'a generation that is no number')
  for (const { kind, name, file: path, id } of manifest.pins) {
    questions.note(kind, name, path, id)
    must(!path.includes('\0') && !name.includes('\0'), 'a path that ends early')
    must(!path.split('/').some(part => part === '..' || part === '.'), 'a path that leads elsewhere')
    must(Number.isInteger(id) && id >= 0 && id < 2 ** 32, 'an id that the kernel cannot have given')
  }
  for (const link of manifest.links) {
    questions.note(link.name, link.program, link.type)
    must(isTextOrNull(link.attachType) && isTextOrNull(link.mode), 'a link attached by no name')
    must(link.cookie === null || /^\d+$/.test(link.cookie), 'a cookie that is no number')
    if (link.cookie !== null) must(BigInt(link.cookie) < 2n ** 64n, 'a cookie of more than 64 bits')
  }
  for (const { name, hash, section = '', type = '', attachType = null } of manifest.programs) {
    questions.note(name, hash)
    must(isText(section) && isText(type) && isTextOrNull(attachType), 'a program of no type')
  }
  for (const path of manifest.directories ?? []) {
    must(path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..'), 'an odd directory')
  }
  for (const { map, merge } of manifest.conversions ?? []) {
    must(isText(map) && typeof merge === 'object' && merge !== null, 'a conversion of nothing')
    must(
      Object.values(merge).every(how => how === 'sum'),
      'a field that is merged in an unknown way',
    )
  }
  for (const { definition } of manifest.structOps ?? []) must(typeof definition === 'object', 'no definition')
}
