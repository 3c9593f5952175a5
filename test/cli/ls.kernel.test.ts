import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson, commandLine } from './bpfpin.ts'
import { type Listing, names, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')

test.after.each(unpinAll)

onKernel('a tree shows types, sizes and ids, and where each link is attached', () => {
  pinFixture('counter')
  const { code, stdout, stderr } = bpfpin('ls', 'counter', '--root', root)
  assert.equal({ code, stderr }, { code: 0, stderr: '' })
  const lines = stdout.split('\n')
  assert.is(lines[0], root)
  assert.match(lines[1]!, /^└── counter {2}generation 1, pinned \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.match(stdout, /^ {4}│ {3}├── by_process +hash +id \d+ +4 B -> 32 B +max 1024$/m)
  assert.match(stdout, /^ {4}│ {3}└── \.bss +array +id \d+ +4 B -> 16 B +max 1 +pin :bss$/m)
  assert.match(stdout, /^ {8}└── on_exit +perf_event +id \d+ +program \d+ on raw_syscalls\/sys_exit$/m)
})

onKernel('a root that is not there is empty, and is not made', () => {
  assert.equal(bpfpinJson('ls', '--root', `${root}/none`), {
    ...{ root: `${root}/none`, objects: [], other: [] },
  })
  const { code, stdout, stderr } = bpfpin('ls', '--root', `${root}/none`)
  assert.equal({ code, stdout }, { code: 0, stdout: '' })
  assert.match(stderr, `nothing is pinned by bpfpin below ${root}/none`)
  assert.equal(names(), [])
})

onKernel('one object is listed by its name or by the path of its directory', () => {
  pinFixture('functions', 'my.service')
  pinFixture('functions')
  const both = bpfpinJson<Listing>('ls', '--root', root).objects
  assert.equal(
    both.map(({ name }) => name),
    ['functions', 'my.service'],
  )
  const one = { root, objects: [both[1]] }
  assert.equal(bpfpinJson('ls', 'my.service', '--root', root), one)
  assert.equal(bpfpinJson('ls', `${root}/my:service`), one)
})

onKernel('a name that is not pinned is told with those that are near', () => {
  pinFixture('functions')
  const { code, stderr } = bpfpin('ls', 'funtcions', '--root', root)
  assert.is(code, 1)
  assert.match(stderr, `nothing is pinned at ${root}/funtcions; did you mean 'functions'?`)
})

needs(
  test,
  'root',
  'bpftool',
)('a pin that was replaced is left out and said, with exit code 1', () => {
  pinFixture('functions')
  const path = `${root}/functions/maps/numbers`
  const { objects } = bpfpinJson<Listing>('ls', '--root', root)
  const other = objects[0]!.maps.find(({ name }) => name === '.bss')!
  unlinkSync(path)
  bpftool('map', 'pin', 'id', String(other.id), path)
  const { code, stdout, stderr } = bpfpin('ls', '--root', root, '--json')
  assert.is(code, 1)
  const [object] = (JSON.parse(stdout) as Listing).objects
  assert.equal(object!.maps.map(({ name }) => name).includes('numbers'), false)
  assert.match(stderr, `note: ${path} is the map with id ${other.id}; the manifest says`)
  unlinkSync(path)
})

const byOther = needs(test, 'root', 'bpftool', 'setpriv')

/** As others pin: a map on its own, one in directories, and a program. */
function pinStrange(): { readonly mapId: number; readonly programId: number } {
  const create = (path: string, name: string): void => {
    bpftool('map', 'create', path, 'type', 'array', 'key', '4', 'value', '8', 'entries', '2', 'name', name)
  }
  create(`${root}/foreign`, 'foreign')
  mkdirSync(`${root}/tc/globals`, { recursive: true })
  create(`${root}/tc/globals/calls`, 'cilium_calls')
  bpftool('prog', 'load', fixture('functions'), `${root}/tc/run`)
  return {
    mapId: bpftool('map', 'show', 'pinned', `${root}/tc/globals/calls`).id as number,
    programId: bpftool('prog', 'show', 'pinned', `${root}/tc/run`).id as number,
  }
}

function removeStrange(): void {
  rmSync(`${root}/tc`, { recursive: true })
  unlinkSync(`${root}/foreign`)
}

byOther('what others pinned is listed beside the objects, and is no object', () => {
  pinFixture('functions')
  const { mapId, programId } = pinStrange()
  try {
    const { objects, other } = bpfpinJson<Listing>('ls', '--root', root)
    assert.equal(
      objects.map(({ name }) => name),
      ['functions'],
    )
    assert.equal(
      other!.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      [
        {
          ...{ path: `${root}/foreign`, kind: 'map', name: 'foreign' },
          id: bpftool('map', 'show', 'pinned', `${root}/foreign`).id,
        },
        { path: `${root}/tc/globals/calls`, kind: 'map', id: mapId, name: 'cilium_calls' },
        { path: `${root}/tc/run`, kind: 'program', id: programId, name: 'run' },
      ],
    )
    const { stdout } = bpfpin('ls', '--root', root)
    assert.match(
      stdout,
      `\n${root}, not pinned by bpfpin\n├── tc\n│   ├── globals\n│   │   └── calls  map  array  id ${mapId}`,
    )
    assert.match(stdout, /^└── foreign {2}map {2}array {2}id \d+ {2}4 B -> 8 B {2}max 2$/m)
  } finally {
    removeStrange()
  }
})

onKernel(
  'a pin of others in the directory of an object is theirs, and symbolic links are not followed',
  () => {
    pinFixture('functions')
    const path = `${root}/functions/maps/extra`
    bpftool('map', 'create', path, 'type', 'array', 'key', '4', 'value', '8', 'entries', '2', 'name', 'extra')
    symlinkSync(`${root}/functions`, `${root}/again`)
    try {
      const { objects, other } = bpfpinJson<Listing>('ls', '--root', root)
      assert.is(objects.length, 1)
      assert.equal(
        other!.map(({ path }) => path),
        [path],
      )
    } finally {
      unlinkSync(path)
      unlinkSync(`${root}/again`)
    }
  },
)

function listAsNobody(): Listing & { readonly stderr: string } {
  const [command = '', ...rest] = commandLine('ls', '--root', root, '--json')
  const drop = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all']
  const { status, stdout, stderr } = spawnSync('setpriv', [...drop, command, ...rest], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return { ...JSON.parse(stdout), stderr }
}

byOther('who may only read the pins of an object lists it, though not its directory', () => {
  const umask = process.umask(0)
  openObject(fixture('functions'), { root }).upgrade({ mode: 0o755 }).close()
  process.umask(umask)
  for (const path of [`${root}/../..`, `${root}/..`, root]) chmodSync(path, 0o755)
  const { objects, other } = listAsNobody()
  const [mine] = bpfpinJson<Listing>('ls', '--root', root).objects
  assert.equal(objects, [mine])
  assert.equal(other, [])
})

byOther('who may only read is shown the links, too, as they were pinned', () => {
  const umask = process.umask(0)
  using object = openObject(fixture('counter'), { root }).upgrade({ mode: 0o755 })
  process.umask(umask)
  for (const path of [`${root}/../..`, `${root}/..`, root]) chmodSync(path, 0o755)
  const { objects, stderr } = listAsNobody()
  assert.equal(objects, bpfpinJson<Listing>('ls', '--root', root).objects)
  assert.is(objects[0]?.links.length, 2)
  assert.match(stderr, "links of 'counter' are as its manifest has them")
  object.unpin()
})

byOther('what cannot be opened is listed as unknown, said on stderr, and no failure', () => {
  pinStrange()
  chmodSync(root, 0o755)
  chmodSync(`${root}/tc`, 0o700)
  try {
    const { objects, other, stderr } = listAsNobody()
    assert.equal(objects, [])
    const unknown = (name: string): object => ({ path: `${root}/${name}`, kind: 'unknown', id: null, name })
    assert.equal(
      other!.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      [unknown('foreign'), unknown('tc')],
    )
    assert.match(stderr, `note: opening '${root}/tc': EACCES`)
  } finally {
    removeStrange()
  }
})

onKernel('what a stopped writer left, and what is kept, is told as that', () => {
  for (const side of ['counter~next', 'counter~prev']) mkdirSync(`${root}/${side}`)
  try {
    assert.equal(bpfpinJson<Listing>('ls', '--root', root).other, [
      { path: `${root}/counter~next`, kind: 'next', id: null, name: 'counter' },
      { path: `${root}/counter~prev`, kind: 'prev', id: null, name: 'counter' },
    ])
    const { stdout } = bpfpin('ls', '--root', root)
    assert.match(stdout, '├── counter~next  counter being built or removed, or what is left of that')
    assert.match(stdout, '└── counter~prev  counter as it was before, kept for rollback')
  } finally {
    for (const side of ['counter~next', 'counter~prev']) rmdirSync(`${root}/${side}`)
  }
})

onKernel('a name that would move the cursor or paint is shown, not obeyed', () => {
  const nasty = ['\x1b[2J\x1b[31mgone', 'back\rforth', 'two\nlines', 'c1\x9bm', '\u202enrut']
  for (const name of nasty) mkdirSync(`${root}/${name}/deep~next`, { recursive: true })
  bpftool('prog', 'load', fixture('functions'), `${root}/\x1b[8mhidden`)
  try {
    const { code, stdout, stderr } = bpfpin('ls', '--root', root)
    assert.is(code, 0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.not.match(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
    for (const text of [
      '\\u{1b}[2J\\u{1b}[31mgone',
      'back\\u{d}forth',
      'two\\u{a}lines',
      '\\u{1b}[8mhidden',
    ]) {
      assert.ok(stdout.includes(text), stdout)
    }
    const paths = bpfpinJson<Listing>('ls', '--root', root).other!.map(({ path }) => path)
    assert.ok(paths.includes(`${root}/two\nlines/deep~next`))
  } finally {
    for (const name of [...nasty, '\x1b[8mhidden']) rmSync(`${root}/${name}`, { recursive: true })
  }
})

onKernel('who takes the root for an object is told how to list what is in it', () => {
  // where the runner mounted its bpffs
  const mount = execFileSync('stat', ['--format', '%m', root], { encoding: 'utf8' }).trim()
  for (const command of ['ls', 'unpin']) {
    const { code, stderr } = bpfpin(command, mount)
    assert.is(code, 1)
    assert.match(stderr, `${mount} is where a bpffs is mounted, and not the directory of an object`)
    assert.match(stderr, `bpfpin ls --root ${mount} shows what is pinned there`)
  }
})

onKernel('where there is no bpffs, each command says so and what to do', () => {
  for (const command of [['ls'], ['unpin', 'counter'], ['pin', fixture('functions')]]) {
    const { code, stderr } = bpfpin(...command, '--root', '/proc/nothing')
    assert.is(code, 1)
    const [, why, todo, ...others] = stderr.trimEnd().split('\n')
    assert.is(why, "  '/proc', where '/proc/nothing' would be, is not on a bpffs")
    assert.match(todo!, 'mount -t bpf bpf /sys/fs/bpf')
    assert.equal(others, [])
  }
})

test.run()
