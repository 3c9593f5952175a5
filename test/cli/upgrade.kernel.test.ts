import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin } from './bpfpin.ts'
import { inProcess } from './in-process.ts'
import { everything, type Listing, names, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')
const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-upgrade-'))
const wider = [fixture('counter-wider'), '--name', 'counter', '--root', root]

test.after.each(unpinAll)
test.after(() => rmSync(scratch, { recursive: true }))

const list = async (): Promise<Listing['objects'][number]> => {
  const { stdout } = await inProcess('ls', 'counter', '--root', root, '--json')
  return (JSON.parse(stdout) as Listing).objects[0]!
}
const idOf = async (map: string): Promise<number> => (await list()).maps.find(({ name }) => name === map)!.id

/** What bpftool reads in a map, by its BTF. */
const dump = <Entry>(map: string): Entry[] =>
  bpftool<{ formatted: Entry }[]>('map', 'dump', 'pinned', `${root}/${map}`).map(({ formatted }) => formatted)

interface Tally {
  readonly key: number
  readonly value: { readonly calls: number; readonly comm: string; readonly last_ns?: number }
}

onKernel('another version takes the place of the pinned one and carries its entries', async () => {
  pinFixture('counter')
  const before = await list()
  const [first] = dump<Tally>('counter/maps/by_process')
  const { code, stdout, stderr } = bpfpin('pin', ...wider, '--on-mismatch=convert')
  assert.equal({ code, stderr }, { code: 0, stderr: '' })
  assert.match(
    stdout,
    /^upgraded counter at .*: 6 maps, 2 programs, 2 links; generation 2; converted: by_process \(\d+ entr.*\); switched with an overlap: on_enter, on_exit\n$/,
  )
  const after = await list()
  const changed = after.maps.filter(({ name, id }) => before.maps.find(map => map.name === name)!.id !== id)
  assert.equal(
    changed.map(({ name }) => name),
    ['by_process'],
  )
  const entry = dump<Tally>('counter/maps/by_process').find(({ key }) => key === first!.key)!
  assert.ok(entry.value.calls >= first!.value.calls, `${first!.value.calls}, then ${entry.value.calls}`)
  assert.equal([entry.value.comm, entry.value.last_ns], [first!.value.comm, 0])
  assert.is(JSON.parse((await inProcess('pin', ...wider, '--json')).stdout).done, 'found')
})

onKernel('with --json an upgrade says what became of each map and link', async () => {
  pinFixture('counter')
  const { stdout } = await inProcess('pin', ...wider, '--map', 'by_process=replace', '--json')
  const { done, upgrade, previous, unattached, ...object } = JSON.parse(stdout)
  assert.equal({ done, previous, unattached }, { done: 'upgraded', previous: null, unattached: [] })
  const { previous: _, ...listed } = await list()
  assert.equal(object, listed)
  const { maps, ...rest } = upgrade
  assert.equal(
    maps.filter(({ action }: { action: string }) => action !== 'reuse'),
    [{ name: 'by_process', action: 'replace' }],
  )
  const links = ['on_enter', 'on_exit'].map(name => ({ name, action: 'overlap' }))
  assert.equal(rest, { generation: 2, links, left: [], dead: [], stillAttached: [], carried: [] })
})

onKernel('a kept generation is listed, rollback returns to it, and unpin removes it', async () => {
  pinFixture('counter')
  const old = await idOf('by_process')
  const upgraded = await inProcess('pin', ...wider, '--on-mismatch=convert', '--keep-previous')
  assert.is(upgraded.code, 0, upgraded.stderr)
  assert.is.not(await idOf('by_process'), old)
  assert.equal((await list()).previous, { generation: 1, path: `${root}/counter~prev` })
  const { stdout } = await inProcess('ls', '--root', root)
  assert.match(stdout, '└── generation 1 is kept for rollback')
  assert.not.match(stdout, 'counter~prev')
  const back = await inProcess('rollback', 'counter', '--root', root, '--keep-previous', '--json')
  assert.is(back.code, 0, back.stderr)
  const { name, path, generation, maps } = JSON.parse(back.stdout)
  assert.equal({ name, path, generation }, { name: 'counter', path: `${root}/counter`, generation: 3 })
  assert.equal(
    maps.filter(({ action }: { action: string }) => action !== 'reuse'),
    [{ name: 'by_process', action: 'restore' }],
  )
  assert.is(await idOf('by_process'), old)
  assert.equal((await list()).previous, { generation: 2, path: `${root}/counter~prev` })
  assert.is((await inProcess('unpin', 'counter', '--root', root)).code, 0)
  assert.equal(names(), [])
})

onKernel('a rollback needs a kept generation, and an object', async () => {
  pinFixture('counter')
  const before = everything()
  const none = await inProcess('rollback', 'counter', '--root', root)
  assert.is(none.code, 1)
  assert.match(none.stderr, "object 'counter' has no earlier generation to go back to")
  assert.match(none.stderr, 'bpfpin pin --keep-previous')
  assert.equal(everything(), before)
  const unknown = await inProcess('rollback', 'conter', '--root', root)
  assert.is(unknown.code, 1)
  assert.match(unknown.stderr, /nothing is pinned at .*conter; did you mean 'counter'\?/)
  assert.is((await inProcess('rollback', 'counter', '--root', `${root}/deep`)).code, 1)
  assert.equal(everything(), before)
})

onKernel('what a kept generation uses can still be converted', async () => {
  pinFixture('counter')
  const other = openObject(fixture('counter'), { root })
  other.variables.get('only_pid').set(1)
  other.upgrade({ keepPrevious: true }).close()
  const { code, stderr } = await inProcess('pin', ...wider, '--on-mismatch=convert')
  assert.is(code, 0, stderr)
})

onKernel('a map that another program uses is not converted, and plan knows it', async () => {
  pinFixture('counter')
  const before = everything()
  const options = ['--on-mismatch=convert']
  {
    using _ = openObject(fixture('counter'), { root }).load()
    const planned = await inProcess('plan', ...wider, ...options)
    assert.is(planned.code, 3)
    assert.match(planned.stdout, /map that program 'on_e\w+' with id \d+ uses, too, is pinned/)
    assert.not.match(planned.stdout, 'this would go on')
    const refused = await inProcess('pin', ...wider, ...options, '--json')
    assert.is(refused.code, 3)
    assert.equal(everything(), before)
  }
  assert.is((await inProcess('plan', ...wider, ...options)).code, 0)
})

interface Flow {
  readonly key: number
  readonly value: { readonly packets: number; readonly octets: number }
}

/** Pins `struct flow { u64 packets; u64 bytes }` with entries 1 to 4; the new version has `octets` there. */
function pinFlows(): string[] {
  using object = openObject(pairObject('renamed', 'old'), { root, name: 'object' }).upgrade()
  const flows = object.maps.get('flows')
  for (let key = 1; key <= 4; key++) flows.set(key, { packets: key, bytes: 10 * key })
  return [pairObject('renamed', 'new'), '--name', 'object', '--root', root]
}

const body = '(key, { packets, bytes }) => (key === 4 ? undefined : { value: { packets, octets: bytes } })'
for (const [form, source] of [
  ['by name', `export const flows = ${body}`],
  ['by default', `export default { flows: ${body} }`],
]) {
  onKernel(`functions exported ${form} decide about the entries of a map`, async () => {
    const args = pinFlows()
    writeFileSync(join(scratch, `${form}.mjs`), source!)
    const convert = ['--convert', join(scratch, `${form}.mjs`)]
    const plan = JSON.parse((await inProcess('plan', ...args, ...convert, '--json')).stdout)
    assert.equal([plan.verdict, plan.maps[0].action], ['lossy', 'convert'])
    const { code, stderr } = await inProcess('pin', ...args, ...convert)
    assert.is(code, 0, stderr)
    const flows = dump<Flow>('object/maps/flows').sort((a, b) => a.key - b.key)
    assert.equal(
      flows,
      [1, 2, 3].map(key => ({ key, value: { packets: key, octets: 10 * key } })),
    )
  })
}

for (const [what, source, message] of [
  [
    'throws',
    "\nexport function flows(key) {\n  throw new Error('key ' + key)\n}",
    /converting an entry of map 'flows': .*:3: key \d/,
  ],
  ['makes no value', 'export const flows = () => ({})', /converting an entry of map 'flows': /],
  [
    'makes what does not fit',
    'export const flows = () => ({ value: { packets: -1, octets: 1 } })',
    /converting an entry of map 'flows': .*packets/,
  ],
  ['is none', 'export const flows = 5', /what it exports for map 'flows' is no function/],
  ['is not there', 'export {}', /it exports no function/],
  ['cannot be read', 'export const flows = (', /convert-\w+.mjs: /],
] as const) {
  onKernel(`a function that ${what} is told with its map or file, and nothing is changed`, async () => {
    const args = pinFlows()
    const before = everything()
    const path = join(scratch, `convert-${what.replaceAll(' ', '_')}.mjs`)
    writeFileSync(path, source)
    const { code, stderr } = await inProcess('pin', ...args, '--convert', path)
    assert.is(code, 1, stderr)
    assert.match(stderr, message)
    assert.equal(everything(), before)
  })
}

for (const [args, message] of [
  [['--map', 'flws=convert'], "there is no map 'flws' in the object; did you mean 'flows'?"],
  [['--map', 'flows'], "option '--map' takes NAME=MODE"],
  [['--map', 'flows=convrt'], "not 'convrt'; did you mean 'convert'?"],
  [['--on-mismatch', 'lossy'], "option '--on-mismatch' takes refuse, convert, convert-lossy, replace"],
  [['--merge', 'flows.packets'], "option '--merge' takes MAP.FIELD=sum"],
  [['--merge', 'flows.packets=max'], "option '--merge' takes MAP.FIELD=sum"],
  [['--merge', 'flws.packets=sum'], "there is no map 'flws' in the object"],
] as const) {
  test(`${args.join(' ')} is wrong usage of pin and plan`, () => {
    for (const command of ['pin', 'plan']) {
      const { code, stderr } = bpfpin(command, pairObject('renamed', 'new'), ...args)
      assert.is(code, 2)
      assert.ok(stderr.includes(`${command}: `) && stderr.includes(message), stderr)
    }
  })
}

onKernel('a field that both versions count in can be declared', async () => {
  using object = openObject(pairObject('moved', 'old'), { root, name: 'object' }).upgrade()
  object.maps.get('flows').set(1, { packets: 2, bytes: 3 })
  const args = [pairObject('moved', 'new'), '--name', 'object', '--root', root, '--on-mismatch=convert']
  const wrong = await inProcess('pin', ...args, '--merge', 'flows.octets=sum')
  assert.is(wrong.code, 1)
  assert.match(wrong.stderr, 'octets')
  const { code, stderr } = await inProcess('pin', ...args, '--merge', 'flows.packets=sum')
  assert.is(code, 0, stderr)
  assert.equal(dump<Flow>('object/maps/flows'), [{ key: 1, value: { bytes: 3, packets: 2 } }])
})

test.run()
