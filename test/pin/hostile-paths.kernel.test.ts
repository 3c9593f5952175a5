// What lies on the way to where something is pinned, or is to be: links, directories of others, pins of others.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfError, type ObjectSpec, openMap, openObject, openPinned } from '../../src/index.ts'
import { inProcess } from '../cli/in-process.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const nobody = 65534
const onKernel = needs(test, 'root')
const withBpftool = needs(test, 'root', 'bpftool')

const functions = (at = root): ObjectSpec => openObject(fixture('functions'), { root: at })
const mapNames = [...functions().maps].map(({ name }) => name)
const [first = ''] = mapNames

/** Everything that leads to a root, and is to be refused in the same way. */
const callsAt = (at: string): Record<string, () => unknown> => ({
  'upgrade()': () => functions(at).upgrade(),
  'load()': () => functions(at).load(),
  'plan()': () => functions(at).plan(),
  'loadPinned()': () => functions(at).loadPinned(),
  'openPinned()': () => openPinned('functions', { root: at }),
})

function assertRefused(at: string, code: string, message: RegExp): void {
  for (const [name, call] of Object.entries(callsAt(at))) {
    const error = failure(call)
    assert.is(error.code, code, `${name}: ${error.message}`)
    assert.match(error.message, message, name)
    assert.ok(error.hint, name)
  }
}

test.before(() => chmodSync(root, 0o1777))
test.after.each(() => {
  for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
})

onKernel('a link of root is gone along, one of another user is refused, wherever it is on the path', () => {
  mkdirSync(`${root}/real/deep`, { recursive: true })
  const inTheMiddle = { path: `${root}/middle`, target: `${root}/real`, root: `${root}/middle/deep` }
  const atTheEnd = { path: `${root}/end`, target: 'real/deep', root: `${root}/end` }
  for (const link of [inTheMiddle, atTheEnd]) {
    symlinkSync(link.target, link.path)
    using object = functions(link.root).upgrade()
    assert.ok(existsSync(`${root}/real/deep/functions/~object`))
    using again = openPinned('functions', { root: link.root })
    assert.is(again.maps.size, object.maps.size)
    lchownSync(link.path, nobody, nobody)
    assertRefused(link.root, 'ERR_FOREIGN', /symbolic link of user 65534, and this process is user 0$/)
    lchownSync(link.path, 0, 0)
    object.unpin()
  }
})

onKernel('links that lead to each other, and to nothing, are what the kernel says of them', () => {
  symlinkSync('two', `${root}/one`)
  symlinkSync('one', `${root}/two`)
  assert.is(failure(() => functions(`${root}/one`).upgrade()).code, 'ELOOP')
  symlinkSync('nowhere', `${root}/lost`)
  assert.is(failure(() => openPinned('functions', { root: `${root}/lost` })).code, 'ERR_NOT_PINNED')
})

onKernel('a directory of another user, or that all may write to, is none to pin in or to believe', () => {
  const place = `${root}/place`
  mkdirSync(`${place}/inner`, { recursive: true })
  using object = functions(`${place}/inner`).upgrade()
  // above the root, and the root itself
  for (const path of [place, `${place}/inner`]) {
    chownSync(path, nobody, nobody)
    assertRefused(`${place}/inner`, 'ERR_FOREIGN', / belongs to user 65534, and this process is user 0$/)
    chownSync(path, 0, 0)
    chmodSync(path, 0o777)
    assertRefused(`${place}/inner`, 'ERR_FOREIGN', / has mode 0777: every user could replace what is in it$/)
    chmodSync(path, 0o1777)
    functions(`${place}/inner`).upgrade().close()
    // a group has the right from whoever gave it
    chmodSync(path, 0o770)
    functions(`${place}/inner`).upgrade().close()
  }
  object.unpin()
})

onKernel('the directory of an object is believed under the same conditions, or to whom it is said', () => {
  using object = functions().upgrade()
  const path = `${root}/functions`
  chmodSync(path, 0o777)
  assertRefused(root, 'ERR_FOREIGN', / has mode 0777: /)
  chmodSync(path, 0o700)
  chownSync(path, nobody, nobody)
  assertRefused(root, 'ERR_FOREIGN', / belongs to user 65534, /)
  for (const owner of [nobody, 'any'] as const) {
    using other = openPinned('functions', { root, owner })
    assert.is(other.maps.get(first).id, object.maps.get(first).id)
  }
  assert.is(failure(() => openPinned('functions', { root, owner: 1 })).code, 'ERR_FOREIGN')
  chownSync(path, 0, 0)
  object.unpin()
})

onKernel('the tool writes to what another user pinned only if it is told whose it is', async () => {
  using object = functions().upgrade()
  chownSync(`${root}/functions`, nobody, nobody)
  const set = (value: string, ...args: string[]): ReturnType<typeof inProcess> =>
    inProcess('set', 'functions', 'numbers', '0', value, '--root', root, ...args)
  const refused = await set('7')
  assert.is(refused.code, 1)
  assert.match(refused.stderr, /belongs to user 65534.*\n.*--owner/s)
  assert.match((await set('7', '--owner', '1')).stderr, /belongs to user 65534/)
  assert.is((await set('7', '--owner', String(nobody))).code, 0)
  assert.is(String(object.maps.get('numbers').get(0)), '7')
  assert.is((await set('8', '--owner', 'any')).code, 0)
  chownSync(`${root}/functions`, 0, 0)
  object.unpin()
  for (const owner of ['me', '1.5', '12345678901']) {
    const error = await set('7', '--owner', owner).catch(caught => caught)
    assert.match(error.message ?? error.stderr, /takes the number of a user, or any/)
  }
})

onKernel('directories and pins are for their owner, and no mode lets others replace what is pinned', () => {
  const modes = (path: string): string[] =>
    ['', '/maps', '/programs', '/~object', `/maps/${first}`].map(name =>
      (statSync(`${path}${name}`).mode & 0o7777).toString(8),
    )
  const umask = process.umask(0)
  try {
    functions(`${root}/own`).upgrade().close()
    assert.equal(modes(`${root}/own/functions`), ['700', '700', '700', '600', '600'])
    functions(`${root}/all`).upgrade({ mode: 0o777 }).close()
    // the object's own cannot be listed by others either, who could lock it then
    assert.equal(modes(`${root}/all/functions`), ['731', '775', '775', '666', '666'])
    assert.is(statSync(`${root}/all`).mode & 0o7777, 0o775)
  } finally {
    process.umask(umask)
  }
})

onKernel('a pin outside is neither made nor found through a link or in a directory of another user', () => {
  const spec = functions()
  spec.maps.get(first).pinPath = `${root}/shared/there`
  mkdirSync(`${root}/elsewhere`)
  symlinkSync('elsewhere', `${root}/shared`)
  lchownSync(`${root}/shared`, nobody, nobody)
  const refused = (): BpfError => failure(() => spec.upgrade())
  assert.match(refused().message, /leads through 'shared', a symbolic link of user 65534/)
  rmSync(`${root}/shared`)
  mkdirSync(`${root}/shared`)
  chownSync(`${root}/shared`, nobody, nobody)
  assert.match(refused().message, /shared belongs to user 65534/)
  assert.equal(readdirSync(`${root}/elsewhere`), [])
  assert.equal(readdirSync(root).sort(), ['elsewhere', 'shared'])
})

onKernel('an unpin leaves what is behind a link of another user, and says so', () => {
  const spec = functions()
  spec.maps.get(first).pinPath = `${root}/shared/there`
  using object = spec.upgrade()
  renameSync(`${root}/shared`, `${root}/moved`)
  symlinkSync('moved', `${root}/shared`)
  lchownSync(`${root}/shared`, nobody, nobody)
  const { left } = object.unpin()
  assert.match(left.map(({ path, why }) => `${path}: ${why}`).join('\n'), /shared\/there: .*symbolic link of/)
  assert.equal(readdirSync(`${root}/moved`), ['there'])
  assert.equal(readdirSync(root).sort(), ['moved', 'shared'])
})

onKernel('what a stopped writer left behind a link of another user stays there, and stops nobody', () => {
  const spec = functions()
  spec.maps.get(first).pinPath = `${root}/shared/there`
  spec.upgrade().close()
  // as a writer leaves it that was stopped before its commit
  renameSync(`${root}/functions`, `${root}/functions~next`)
  renameSync(`${root}/shared`, `${root}/moved`)
  symlinkSync('moved', `${root}/shared`)
  lchownSync(`${root}/shared`, nobody, nobody)
  using object = functions().upgrade()
  assert.equal(readdirSync(root).sort(), ['functions', 'moved', 'shared'])
  assert.equal(readdirSync(`${root}/moved`), ['there'])
  object.unpin()
})

onKernel('who follows an object is told by an event that the way to it is another user’s now', async () => {
  mkdirSync(`${root}/place`)
  using object = functions(`${root}/place`).upgrade()
  using followed = openPinned('functions', { root: `${root}/place`, follow: true })
  await setImmediate()
  renameSync(`${root}/place`, `${root}/moved`)
  symlinkSync('moved', `${root}/place`)
  lchownSync(`${root}/place`, nobody, nobody)
  const told = once(followed, 'error') as Promise<[BpfError]>
  mkdirSync(`${root}/moved/functions~next`)
  // a follower keeps no process alive
  const alive = setInterval(() => {}, 1000)
  const [error] = await told
  clearInterval(alive)
  assert.is(error.code, 'ERR_FOREIGN')
  // what is held goes on
  assert.is(followed.maps.get(first).id, object.maps.get(first).id)
})

/** A map as the object would make it, which somebody else pins; the result is its id. */
function pinLike(path: string, owner: number): number {
  const { keySize, valueSize, maxEntries } = functions().maps.get(first)
  const sizes = ['key', `${keySize}`, 'value', `${valueSize}`, 'entries', `${maxEntries}`]
  execFileSync('bpftool', ['map', 'create', path, 'type', 'array', ...sizes, 'name', first.slice(0, 15)])
  lchownSync(path, owner, owner)
  const shown = execFileSync('bpftool', ['--json', 'map', 'show', 'pinned', path], { encoding: 'utf8' })
  return (JSON.parse(shown) as { id: number }).id
}

withBpftool('a fitting map of another user at a path that all may write to is not used, nor opened', () => {
  const path = `${root}/there`
  const id = pinLike(path, nobody)
  const spec = functions()
  spec.maps.get(first).pinPath = path
  const error = failure(() => spec.load())
  assert.is(error.code, 'ERR_FOREIGN')
  assert.is(error.path, path)
  assert.match(error.message, /there belongs to user 65534/)
  assert.is(failure(() => openMap(path)).code, 'ERR_FOREIGN')
  using said = openMap(path, { owner: nobody })
  assert.is(said.id, id)
  // his link to a map of root's is as little his to give
  rmSync(path)
  const own = pinLike(`${root}/own`, 0)
  symlinkSync('own', path)
  lchownSync(path, nobody, nobody)
  assert.match(failure(() => openMap(path)).message, /there is a symbolic link of user 65534/)
  lchownSync(path, 0, 0)
  using followed = openMap(path)
  assert.is(followed.id, own)
})

withBpftool('a second name that a pin of root got where all may write is not taken for that pin', () => {
  mkdirSync(`${root}/kept`)
  const id = pinLike(`${root}/kept/own`, 0)
  linkSync(`${root}/kept/own`, `${root}/there`)
  const spec = functions()
  spec.maps.get(first).pinPath = `${root}/there`
  assert.match(failure(() => spec.load()).message, /there is a hard link to a pin that has another name/)
  // where only root may have made it, it is as good as any
  using map = openMap(`${root}/kept/own`)
  assert.is(map.id, id)
})

withBpftool(
  'a pin is known by its id: another of the same name and size, or of another kind, is refused',
  () => {
    using object = functions().upgrade()
    const pin = `${root}/functions/maps/${first}`
    const [program] = readdirSync(`${root}/functions/programs`)
    const attempts = (): Record<string, BpfError> => ({
      openPinned: failure(() => openPinned('functions', { root })),
      loadPinned: failure(() => functions().loadPinned()),
    })
    const assertAll = (code: string, message: RegExp): void => {
      for (const [what, error] of Object.entries(attempts())) {
        assert.is(error.code, code, what)
        assert.match(error.message, message, what)
        assert.is(error.path, pin, what)
      }
    }
    const { id } = object.maps.get(first)
    rmSync(pin)
    symlinkSync(`../programs/${program}`, pin)
    assertAll('ERR_PIN_KIND', /the program .* is pinned at .*, expected a map/)
    rmSync(pin)
    const other = pinLike(pin, 0)
    assertAll(
      'ERR_PIN_REPLACED',
      new RegExp(`is the map with id ${other}; the manifest says the map with id ${id}`),
    )
    const { left } = object.unpin()
    assert.equal(left[0], { path: pin, why: `it is not the map with id ${id} that was pinned there` })
    assert.equal(readdirSync(`${root}/functions`), ['maps'])
    assert.equal(readdirSync(`${root}/functions/maps`), [first])
  },
)

onKernel('a manifest that is a link to another one speaks for pins that are not there', () => {
  using object = functions().upgrade()
  using other = openObject(fixture('functions'), { root, name: 'other' }).upgrade()
  rmSync(`${root}/functions/~object`)
  symlinkSync('../other/~object', `${root}/functions/~object`)
  for (const call of [() => openPinned('functions', { root }), () => functions().loadPinned()]) {
    assert.is(failure(call).code, 'ERR_PIN_REPLACED')
  }
  other.unpin()
  object.close()
})

test.run()
