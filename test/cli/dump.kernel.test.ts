import { execFileSync, spawnSync } from 'node:child_process'
import { unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson, commandLine } from './bpfpin.ts'
import { pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')
const mapsOf = (object: string): string => `${root}/${object}/maps`

/** What bpftool prints of an entry that has types. */
interface Formatted {
  readonly formatted: {
    readonly key: unknown
    readonly value: Record<string, unknown>
    readonly values: { value: unknown }[]
  }
}
const dumped = (path: string): readonly Formatted['formatted'][] =>
  bpftool<Formatted[]>('map', 'dump', 'pinned', path).map(({ formatted }) => formatted)

/** The counter's maps hold still: its programs are not attached. */
function pinStill(): void {
  const spec = openObject(fixture('counter'), { root })
  for (const program of spec.programs) program.autoattach = false
  spec.variables.get('weight').set(3n)
  spec.variables.get('entered').set(2n ** 53n)
  spec.variables.get('only_pid').set(77)
  using object = spec.upgrade()
  object.maps.get('by_process').set(7, { calls: 2n ** 64n - 1n, weighted: 5n, comm: 'a "name"' })
  object.maps.get('by_process').set(4_000_000_000, { calls: 1n, weighted: 0n, comm: '' })
  object.maps.get('totals').set(1, 12n)
}

function update(path: string, key: string, value: string): void {
  const words = (text: string): string[] => ['hex', ...text.split(' ')]
  execFileSync('bpftool', ['map', 'update', 'pinned', path, 'key', ...words(key), 'value', ...words(value)])
}

test.after.each(unpinAll)

onKernel('entries are decoded as bpftool decodes them', () => {
  pinStill()
  const path = `${mapsOf('counter')}/by_process`
  const entries = bpfpinJson<{ key: number; value: { calls: number | string } }[]>('dump', path)
  assert.equal(
    entries.toSorted((a, b) => a.key - b.key),
    [
      { key: 7, value: { calls: '18446744073709551615', weighted: 5, comm: 'a "name"' } },
      { key: 4_000_000_000, value: { calls: 1, weighted: 0, comm: '' } },
    ],
  )
  // where JavaScript is exact both have the same numbers
  const small = (list: readonly { key: unknown }[]): unknown => list.find(({ key }) => key === 4_000_000_000)
  assert.equal(small(entries), small(dumped(path)))
  const raw = execFileSync('bpftool', ['--json', 'map', 'dump', 'pinned', path], { encoding: 'utf8' })
  assert.match(raw, '"calls":18446744073709551615')
  assert.equal(bpfpinJson('dump', `${mapsOf('counter')}/totals`), dumped(`${mapsOf('counter')}/totals`))
})

onKernel('what was written by others is read', () => {
  pinStill()
  const path = `${mapsOf('counter')}/totals`
  update(path, '00 00 00 00', '2a 00 00 00 00 00 00 00')
  assert.equal(bpfpinJson('dump', 'counter/maps/totals', '--root', root), [
    { key: 0, value: 42 },
    { key: 1, value: 12 },
  ])
})

onKernel('a data section is one object by variable name, as bpftool says', () => {
  pinStill()
  for (const section of ['data', 'bss', 'rodata']) {
    const [formatted] = dumped(`${mapsOf('counter')}/:${section}`)
    const variables = Object.assign({}, ...(formatted!.value[`.${section}`] as object[]))
    if (section === 'bss') variables.entered = String(2n ** 53n)
    assert.equal(bpfpinJson('dump', `counter/maps/.${section}`, '--root', root), variables)
  }
  const { stdout } = bpfpin('dump', `${mapsOf('counter')}/.bss`)
  assert.is(stdout, `entered = ${2n ** 53n}\nleft = 0\n`)
})

onKernel('a per-CPU value is an array with one value a CPU', () => {
  pinStill()
  const path = `${mapsOf('counter')}/per_cpu`
  update(path, '00 00 00 00', '09 00 00 00 00 00 00 00')
  const [entry] = dumped(path)
  const values = entry!.values.map(({ value }) => value)
  assert.ok(values.length > 0 && values.every(value => value === 9))
  assert.equal(bpfpinJson('dump', path), [{ key: 0, value: values }])
})

onKernel('as text an entry is a line', () => {
  pinStill()
  const { stdout, stderr } = bpfpin('dump', `${mapsOf('counter')}/by_process`)
  assert.equal(stdout.trimEnd().split('\n').toSorted(), [
    '4000000000: {calls: 1, weighted: 0, comm: ""}',
    '7: {calls: 18446744073709551615, weighted: 5, comm: "a \\"name\\""}',
  ])
  assert.is(stderr, '')
})

onKernel("a stranger's map without types is shown as bytes, with a note", () => {
  const path = `${root}/foreign`
  bpftool('map', 'create', path, 'type', 'hash', 'key', '2', 'value', '4', 'entries', '8', 'name', 'foreign')
  try {
    assert.equal(bpfpin('dump', path), {
      code: 0,
      stdout: '',
      stderr:
        'note: the map is empty\nnote: its types are not known: the object that made it had no BTF for it\n',
    })
    update(path, '01 02', 'de ad be ef')
    assert.is(bpfpin('dump', path).stdout, '01 02: de ad be ef\n')
    assert.equal(bpfpinJson('dump', path), [{ key: [1, 2], value: [222, 173, 190, 239] }])
  } finally {
    unlinkSync(path)
  }
})

needs(
  test,
  'root',
  'bpftool',
  'setpriv',
)('without CAP_SYS_ADMIN the types of a pinned object are there, those of a stranger are not', () => {
  pinStill()
  const foreign = `${root}/foreign`
  bpftool('map', 'pin', 'pinned', `${mapsOf('counter')}/totals`, foreign)
  try {
    const without = (path: string): { stdout: string; stderr: string } => {
      const drop = ['--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
      return spawnSync('setpriv', [...drop, ...commandLine('dump', path, '--json')], { encoding: 'utf8' })
    }
    assert.equal(
      JSON.parse(without(`${mapsOf('counter')}/totals`).stdout),
      dumped(`${mapsOf('counter')}/totals`),
    )
    const bytes = without(foreign)
    assert.equal(JSON.parse(bytes.stdout)[1].value, [12, 0, 0, 0, 0, 0, 0, 0])
    assert.match(bytes.stderr, 'its types are not known')
  } finally {
    unlinkSync(foreign)
  }
})

onKernel('a map of maps is shown with the ids of its inner maps', () => {
  pinFixture('map-kinds')
  const id = (name: string): unknown => bpftool('map', 'show', 'pinned', `${mapsOf('map-kinds')}/${name}`).id
  assert.equal(bpfpinJson('dump', `${mapsOf('map-kinds')}/outer`), [
    { key: 0, value: id('inner_a') },
    { key: 3, value: id('inner_b') },
  ])
})

onKernel('a map that cannot be listed says why', () => {
  pinFixture('map-kinds')
  const { code, stderr } = bpfpin('dump', `${mapsOf('map-kinds')}/events`)
  assert.is(code, 1)
  assert.match(stderr, "map 'events', which is of type ringbuf: it is a buffer")
  assert.match(stderr, 'bpfpin events shows')
})

onKernel('what is no map, and what is not there, is told', () => {
  pinFixture('functions')
  const program = bpfpin('dump', `${root}/functions/programs/run`)
  assert.is(program.code, 1)
  assert.match(program.stderr, `is pinned at ${root}/functions/programs/run, expected a map`)
  const nothing = bpfpin('dump', 'functions/maps/none', '--root', root)
  assert.is(nothing.code, 1)
  assert.match(
    nothing.stderr,
    `${root}/functions/maps/none': ENOENT: nothing is pinned there\n  maps there: functions/maps/`,
  )
  const nowhere = bpfpin('dump', 'none/maps/none', '--root', root)
  assert.match(nowhere.stderr, 'ENOENT: nothing is pinned there\n  bpfpin ls shows')
})

test.run()
