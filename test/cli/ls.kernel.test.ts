import { unlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson } from './bpfpin.ts'
import { type Listing, names, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root')

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
  assert.equal(bpfpinJson('ls', '--root', `${root}/none`), { root: `${root}/none`, objects: [] })
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
