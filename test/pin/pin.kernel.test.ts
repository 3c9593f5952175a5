import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type BpfObject, openMap, openObject } from '../../src/index.ts'
import { decodeManifest } from '../../src/plan/manifest.ts'
import { failure } from '../failure.ts'
import { errnos, failing } from '../faults.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

/** Everything below the root, less what bpffs itself puts there. */
const tree = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter(name => !name.endsWith('.debug')).sort()

const openFiles = (): number => readdirSync('/proc/self/fd').length

/** An object without tracepoints, which need a tracefs. */
const load = (name = 'functions', options = {}): BpfObject =>
  openObject(fixture(name), { root, ...options }).load()

onKernel('an object is pinned in one directory, by kind and under its own names', () => {
  using object = load()
  object.pin()
  assert.equal(tree(), [
    'functions',
    'functions/maps',
    'functions/maps/:bss',
    'functions/maps/:rodata',
    'functions/maps/numbers',
    'functions/programs',
    'functions/programs/run',
    'functions/~object',
  ])
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('only the owner may look, unless a mode says otherwise', () => {
  const mode = (path: string): number => statSync(`${root}/${path}`).mode & 0o777
  using closed = load()
  closed.pin()
  assert.is(mode('functions'), 0o700)
  assert.is(mode('functions/maps'), 0o700)
  assert.is(mode('functions/maps/numbers'), 0o600)
  assert.is(mode('functions/~object'), 0o600)
  closed.unpin()
  using open = load()
  const umask = process.umask(0)
  open.pin({ mode: 0o755 })
  process.umask(umask)
  assert.is(mode('functions/maps'), 0o755)
  // who can read it could lock it
  assert.is(mode('functions'), 0o711)
  assert.is(mode('functions/maps/numbers'), 0o644)
  assert.is(mode('functions/~object'), 0o644)
  open.unpin()
})

onKernel('permissions and waits that cannot be are refused before anything is made', () => {
  using object = load()
  for (const options of [
    { mode: 0o1755 },
    { mode: -1 },
    { mode: Number.NaN },
    { mode: 0.5 },
    { waitMs: -1 },
    { waitMs: Number.NaN },
  ]) {
    assert.is(failure(() => object.pin(options)).code, 'ERR_VALUE', JSON.stringify(options))
  }
  assert.equal(readdirSync(root), [])
})

onKernel('the manifest says what is pinned, and can no longer be changed', () => {
  using object = load()
  object.pin()
  using map = openMap(`${root}/functions/~object`)
  const bytes = map.get(0)
  assert.instance(bytes, Uint8Array)
  const manifest = decodeManifest(bytes as Uint8Array, 'here')
  assert.is(manifest.generation, 1)
  assert.is(manifest.name, 'functions')
  assert.equal(
    manifest.pins.map(({ kind, name, file, id }) => [kind, name, file, id]),
    [
      ...[...object.maps].map(({ name, id }) => ['map', name, name.replace('.', ':'), id]),
      ...[...object.programs].map(({ name, id }) => ['program', name, name, id]),
    ],
  )
  assert.match(manifest.programs[0]?.hash ?? '', /^[0-9a-f]{64}$/)
  assert.is(failure(() => map.set(0, new Uint8Array(map.valueSize))).code, 'EPERM')
  object.unpin()
})

onKernel('the BTF in the manifest is BTF that bpftool reads', () => {
  using object = load()
  object.pin()
  using map = openMap(`${root}/functions/~object`)
  const { btf } = decodeManifest(map.get(0) as Uint8Array, 'here')
  const file = join(mkdtempSync(join(tmpdir(), 'bpfpin-btf-')), 'manifest.btf')
  writeFileSync(file, btf)
  const text = execFileSync('bpftool', ['btf', 'dump', 'file', file], { encoding: 'utf8' })
  assert.match(text, "DATASEC '.bss' size=8 vlen=1")
  object.unpin()
})

onKernel('what is pinned is not pinned again', () => {
  using object = load()
  object.pin()
  assert.is(failure(() => object.pin()).code, 'ERR_PINNED')
  assert.is(failure(() => object.attach()).code, 'ERR_PINNED')
  using another = load()
  const before = tree()
  const error = failure(() => another.pin())
  assert.is(error.code, 'ERR_PINNED')
  assert.is(error.path, `${root}/functions`)
  assert.equal(tree(), before)
  object.unpin()
})

onKernel('a root that is not there is made, and one that is not on bpffs is refused untouched', () => {
  using object = load('functions', { root: `${root}/a/b` })
  object.pin()
  assert.ok(existsSync(`${root}/a/b/functions/~object`))
  object.unpin()
  assert.equal(tree(), [])
  using elsewhere = load('functions', { root: '/tmp/bpfpin-no-bpffs/deep' })
  const error = failure(() => elsewhere.pin())
  assert.is(error.code, 'ERR_NO_BPFFS')
  assert.match(error.hint ?? '', 'mount -t bpf')
  assert.not(existsSync('/tmp/bpfpin-no-bpffs'))
})

onKernel('each map and program can be pinned elsewhere, or not at all', () => {
  mkdirSync(`${root}/shared`)
  const spec = openObject(fixture('functions'), { root })
  spec.maps.get('numbers').pinPath = `${root}/shared/numbers`
  spec.maps.get('.rodata').pinPath = null
  spec.programs.get('run').pinPath = null
  using object = spec.load()
  object.pin()
  assert.equal(tree(), [
    'functions',
    'functions/maps',
    'functions/maps/:bss',
    'functions/~object',
    'shared',
    'shared/numbers',
  ])
  assert.is(openMapId(`${root}/shared/numbers`), object.maps.get('numbers').id)
  object.unpin()
  assert.equal(tree(), ['shared'])
  rmSync(`${root}/shared`, { recursive: true })
})

const openMapId = (path: string): number => {
  using map = openMap(path)
  return map.id
}

onKernel('maps marked by name go where libbpf has them, if that is asked for', () => {
  using object = load('map-kinds', { root, layout: 'libbpf' })
  object.pin()
  assert.is(openMapId(`${root}/shared`), object.maps.get('shared').id)
  assert.not(existsSync(`${root}/map-kinds/maps/shared`))
  using other = load('map-kinds', { root, layout: 'libbpf', name: 'other' })
  assert.is(other.maps.get('shared').id, object.maps.get('shared').id)
  object.unpin()
  assert.equal(tree(), [])
})

onKernel('a pin that somebody put into the directory stays, at its path, and so does the directory', () => {
  using object = load()
  object.pin()
  execFileSync('bpftool', [
    'map',
    'pin',
    'id',
    String(object.maps.get('numbers').id),
    `${root}/functions/maps/mine`,
  ])
  const report = object.unpin()
  assert.equal(tree(), ['functions', 'functions/maps', 'functions/maps/mine'])
  assert.is(report.removed, 4)
  assert.equal(report.left, [
    { path: `${root}/functions/maps`, why: 'something else is pinned in it' },
    { path: `${root}/functions`, why: 'something else is pinned in it' },
  ])
  rmSync(`${root}/functions`, { recursive: true })
})

onKernel('a pin that is no longer what the object pinned is left and named', () => {
  using object = load()
  object.pin()
  using stranger = load('dead-branch', { name: 'stranger' })
  execFileSync('bpftool', ['map', 'pin', 'id', String(stranger.maps.get('slots').id), `${root}/other`])
  renameSync(`${root}/other`, `${root}/functions/maps/numbers`)
  const report = object.unpin()
  assert.is(report.left[0]?.path, `${root}/functions/maps/numbers`)
  assert.match(report.left[0]?.why ?? '', /not the map with id \d+/)
  assert.is(openMapId(`${root}/functions/maps/numbers`), stranger.maps.get('slots').id)
  rmSync(`${root}/functions`, { recursive: true })
})

onKernel('an object that is not pinned has nothing to unpin', () => {
  using object = load()
  assert.equal(object.unpin(), { removed: 0, left: [], stillAttached: [] })
})

for (const [code, errno] of Object.entries(errnos)) {
  onKernel(`whichever call of a pin fails with ${code}, nothing is left of it and nothing stays open`, () => {
    let n = 0
    for (let wasMade = true; wasMade; ) {
      using object = load()
      const before = openFiles()
      n++
      let error: BpfError | undefined
      const failed = failing(n, errno, () => {
        try {
          object.pin()
        } catch (caught) {
          error = caught as BpfError
        }
      })
      wasMade = failed !== undefined
      if (error) assert.is(error.code, code, error.stack)
      // what can fail without harm is looking for leftovers and taking back; the pins are there then
      else if (wasMade) assert.ok(tree().includes('functions/~object'), `call ${n}`)
      if (!error) object.unpin()
      assert.equal(tree(), [], `call ${n}`)
      assert.is(openFiles(), before, `call ${n}`)
    }
    assert.ok(n > 25, `${n} calls`)
  })
}

onKernel('static maps of one name are pinned at the same paths each time', () => {
  for (const _ of [1, 2]) {
    using object = load('linked')
    object.pin()
    assert.equal(
      tree().filter(path => path.startsWith('linked/maps/')),
      ['linked/maps/:data', 'linked/maps/hits', 'linked/maps/hits~1'],
    )
    using first = openMap(`${root}/linked/maps/hits~1`)
    assert.is(first.maxEntries, 8)
    object.unpin()
  }
})

test.run()
