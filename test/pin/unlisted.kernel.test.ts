// Directories in our layout without a manifest: what the kernel says stands for it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject, PinMismatchError } from '../../src/index.ts'
import { likenesses } from '../../src/object/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

const bpftool = (...args: string[]): string => execFileSync('bpftool', args, { encoding: 'utf8' })

const tree = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter(name => !name.endsWith('.debug')).sort()

for (const name of ['functions', 'links', 'counter', 'link-net', 'link-user']) {
  // link-net has a program of netfilter
  const onItsKernel = name === 'link-net' ? needs(test, 'root', 'bpftool', 'linux 6.6') : onKernel
  onItsKernel(`the tags of '${name}' are those that bpftool shows`, () => {
    const spec = openObject(fixture(name), { root })
    using object = spec.load()
    const loaded = [...object.programs]
    const expected = likenesses(
      spec.spec,
      loaded.map(({ spec }) => spec!),
    )
    assert.ok(loaded.length > 0)
    for (const program of loaded) {
      const shown = JSON.parse(bpftool('--json', 'prog', 'show', 'id', `${program.id}`)) as {
        tag: string
        map_ids?: number[]
      }
      const { tags = [], maps = [] } = expected.get(program.name) ?? {}
      assert.ok(tags.includes(shown.tag), `${program.name}: ${shown.tag} of ${tags}`)
      const ids = maps.map(map => object.maps.get(map).id)
      // .rodata is bound to all programs
      const bound = [...(shown.map_ids ?? [])].filter(id => !ids.includes(id))
      assert.equal(shown.map_ids ?? [], [...ids, ...bound], program.name)
    }
  })
}

/** Pins an object and takes its manifest away. */
function pinUnlisted(name: string, as = name): void {
  openObject(fixture(name), { root, name: as }).upgrade().close()
  unlinkSync(`${root}/${as}/~object`)
}

onKernel('an object whose manifest was removed is found by its tags, and says so', () => {
  pinUnlisted('counter')
  const spec = openObject(fixture('counter'), { root })
  {
    using object = spec.loadPinned()
    assert.is(object.identity, 'tag')
    assert.ok(object.isPinned)
    const inKernel = JSON.parse(bpftool('--json', 'map', 'show', 'pinned', `${root}/counter/maps/totals`))
    assert.is(object.maps.get('totals').id, inKernel.id)
    assert.ok(object.links.size > 0)
    assert.ok([...object.links].every(({ alive }) => alive))
    assert.ok(object.variables.size > 0)
    assert.is(failure(() => object.unpin()).code, 'ERR_MANIFEST')
  }
  const before = tree()
  assert.is(failure(() => spec.upgrade()).code, 'ERR_MANIFEST')
  assert.is(failure(() => spec.plan()).code, 'ERR_MANIFEST')
  assert.equal(tree(), before)
  rmSync(`${root}/counter`, { recursive: true })
})

onKernel('an object that has its manifest is found by the hash of its code', () => {
  using object = openObject(fixture('functions'), { root }).upgrade()
  using again = openObject(fixture('functions'), { root }).loadPinned()
  assert.equal([object.identity, again.identity], ['hash', 'hash'])
  object.unpin()
})

onKernel('what bpftool loaded and pinned in this layout is found', () => {
  const directory = `${root}/counter`
  mkdirSync(directory)
  const file = fixture('counter')
  bpftool('prog', 'loadall', file, `${directory}/programs`, 'pinmaps', `${directory}/maps`)
  // libbpf cuts names and writes dots in another way
  for (const name of readdirSync(`${directory}/maps`)) {
    const [, section] = /^counter_(.+)$/.exec(name) ?? []
    if (section) renameSync(`${directory}/maps/${name}`, `${directory}/maps/:${section}`)
  }
  const spec = openObject(file, { root })
  for (const program of spec.programs) program.autoattach = false
  using object = spec.loadPinned()
  assert.is(object.identity, 'tag')
  assert.equal([...object.maps.names()].sort(), [...spec.maps.names()].sort())
  assert.equal([...object.programs.names()].sort(), [...spec.programs.names()].sort())
  rmSync(directory, { recursive: true })
})

onKernel('another object without a manifest is refused, with what differs', () => {
  pinUnlisted('functions', 'counter')
  const error = failure(() => openObject(fixture('counter'), { root }).loadPinned())
  assert.instance(error, PinMismatchError)
  const { verdicts } = error as PinMismatchError
  assert.ok(verdicts.some(({ kind, name, verdict }) => `${kind} ${name} ${verdict}` === 'program run gone'))
  rmSync(`${root}/counter`, { recursive: true })
})

onKernel('other code, other maps and things that are missing or of another kind are told', () => {
  const spec = openObject(fixture('counter'), { root })
  const [first = '', second = ''] = [...spec.programs.names()]
  const at = (path: string): string => `${root}/counter/${path}`
  const verdictOf = (kind: string, name: string): string | undefined => {
    const error = failure(() => spec.loadPinned())
    assert.instance(error, PinMismatchError)
    const { verdicts } = error as PinMismatchError
    return verdicts.find(item => item.kind === kind && item.name === name)?.verdict
  }
  pinUnlisted('counter')
  const swap = (a: string, b: string): void => {
    renameSync(at(a), at('programs/kept'))
    renameSync(at(b), at(a))
    renameSync(at('programs/kept'), at(b))
  }
  // both are whole programs, of which each is at the place of the other
  if (second !== '') {
    swap(`programs/${first}`, `programs/${second}`)
    assert.is(verdictOf('program', first), 'changed')
    swap(`programs/${first}`, `programs/${second}`)
  }
  renameSync(at('maps/totals'), `${root}/kept`)
  assert.is(verdictOf('map', 'totals'), 'new')
  // the same map and the same code, but the programs count in another map
  pinUnlisted('counter', 'other')
  renameSync(`${root}/other/maps/totals`, at('maps/totals'))
  assert.is(verdictOf('map', 'totals'), undefined)
  const programs = [...spec.programs.names()].map(name => verdictOf('program', name))
  assert.ok(programs.includes('changed'))
  rmSync(`${root}/other`, { recursive: true })
  unlinkSync(at('maps/totals'))
  execFileSync('ln', [at(`programs/${first}`), at('maps/totals')])
  assert.is(failure(() => spec.loadPinned()).code, 'ERR_PIN_KIND')
  unlinkSync(at('maps/totals'))
  renameSync(`${root}/kept`, at('maps/totals'))
  spec.loadPinned().close()
  rmSync(`${root}/counter`, { recursive: true })
})

test.run()
