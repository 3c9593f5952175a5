// Links that are not there any more, that somebody holds, or that cannot be made.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfLink, type BpfObject, type ObjectSpec } from '../../src/index.ts'
import { watchSteps } from '../../src/pin/index.ts'
import { closeFd, linkDetach, linkGetFdById, linkUpdate, objGet } from '../../src/syscall/index.ts'
import { patience } from '../effort.ts'
import { failure } from '../failure.ts'
import { needs } from '../requirements.ts'
import { seenBy, steady, treeOf, type Version } from './steady.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroup = `${process.env.BPFPIN_TEST_CGROUP}/bpfpin-dead-${process.pid}`
const onKernel = needs(test, 'root', 'bpftool')

function spec(version: Version): ObjectSpec {
  mkdirSync(cgroup, { recursive: true })
  const made = steady(root, version, { only: ['raw', 'egress'], pid: process.pid })
  made.programs.get('on_egress').target = { cgroup }
  return made
}

/** Ids and programs of links, by bpftool. */
function linksOf(object: BpfObject): unknown {
  return [...object.links].map(({ name, id, program }) => {
    const shown = JSON.parse(
      execFileSync('bpftool', ['-j', 'link', 'show', 'id', String(id)], { encoding: 'utf8' }),
    )
    assert.is(shown.prog_id, object.programs.get(program).id, name)
    return [name, id, shown.cgroup_id !== 0]
  })
}

/** An object whose cgroup was removed and made anew. */
function withDeadLink(): void {
  using object = spec(1).upgrade()
  const link = object.links.get('on_egress')
  rmdirSync(cgroup)
  // the kernel detaches some time later (kernel/bpf/cgroup.c: cgroup_bpf_release)
  for (const end = performance.now() + patience(10_000); link.alive && performance.now() < end; ) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  }
  assert.not(link.alive)
  mkdirSync(cgroup)
}

function end(object: BpfObject): void {
  assert.equal(object.unpin().stillAttached, [])
  assert.equal(treeOf(root), [])
}

for (const next of [1, 2] as const) {
  const how = next === 1 ? 'of the same version' : 'to another version'
  onKernel(`an upgrade ${how} attaches a link anew whose cgroup was made anew`, () => {
    withDeadLink()
    const planned = spec(next).plan()
    const link = planned.links.find(({ name }) => name === 'on_egress')
    assert.equal([link?.verdict, link?.action], ['dead', 'attach'])
    using object = spec(next).upgrade()
    assert.ok(object.links.get('on_egress').alive)
    linksOf(object)
    assert.not(treeOf(root).some(name => name.includes('~') && !name.endsWith('~object')))
    end(object)
  })

  onKernel(`an upgrade ${how} attaches a link anew whose pin somebody removed`, () => {
    spec(1).upgrade().close()
    rmSync(`${root}/steady/links/on_raw`)
    using object = spec(next).upgrade()
    linksOf(object)
    const before = seenBy(object, 'raw')[next - 1]!
    for (let i = 0; i < 10; i++) process.ppid
    assert.is(seenBy(object, 'raw')[next - 1], before + 10n)
    end(object)
  })

  onKernel(`where a hook is gone for good, an upgrade ${how} is refused and changes nothing`, () => {
    withDeadLink()
    const tree = treeOf(root)
    const made = spec(next)
    rmdirSync(cgroup)
    const files = readdirSync('/proc/self/fd').length
    assert.is(failure(() => made.upgrade()).code, 'ENOENT')
    assert.equal(treeOf(root), tree)
    assert.is(readdirSync('/proc/self/fd').length, files)
    using object = spec(next).upgrade()
    end(object)
  })
}

onKernel('a link of the old version that somebody else holds is reported as still attached', () => {
  using first = spec(1).upgrade()
  const id = first.links.get('on_raw').id
  first.close()
  using held = new BpfLink({ fd: linkGetFdById(id), name: 'held', program: 'on_raw', target: undefined })
  using object = spec(2).upgrade()
  assert.equal(object.upgraded?.stillAttached, ['on_raw'])
  assert.is(held.id, id)
  const [before] = seenBy(object, 'raw')
  process.ppid
  assert.is(seenBy(object, 'raw')[0], before + 1n)
  held.close()
  end(object)
})

onKernel('a link that the kernel can take off its hook is not attached any more, whoever holds it', () => {
  using object = spec(1).upgrade()
  const { id } = object.links.get('on_egress')
  using held = new BpfLink({ fd: linkGetFdById(id), name: 'held', program: 'on_egress', target: undefined })
  assert.equal(object.unpin().stillAttached, [])
  assert.is(held.id, id)
  assert.not(held.alive)
  assert.equal(treeOf(root), [])
})

/** An upgrade to version 2; right after its commit something happens to a link. */
function upgradedWhile(name: string, happen: (link: number) => number): BpfObject {
  spec(1).upgrade().close()
  watchSteps(step => {
    if (step.do !== 'exchange') return
    const fd = objGet(`${root}/steady/links/${name}`)
    assert.is(happen(fd), 0)
    closeFd(fd)
  })
  try {
    return spec(2).upgrade()
  } finally {
    watchSteps(undefined)
  }
}

onKernel(
  'a link that is taken off its hook while links are switched is reported, and attached by the next call',
  () => {
    const object = upgradedWhile('on_egress', linkDetach)
    assert.equal(object.upgraded?.dead, ['on_egress'])
    object.close()
    using again = spec(2).upgrade()
    linksOf(again)
    assert.ok(again.links.get('on_egress').alive)
    end(again)
  },
)

onKernel('a link into which somebody puts another program is left with that, and reported', () => {
  using other = steady(root, 2, { only: ['egress'], pid: 1 }).load()
  const program = other.programs.get('on_egress')
  using object = upgradedWhile('on_egress', link => linkUpdate(link, program.fd, undefined))
  assert.equal(object.upgraded?.left, [
    {
      path: `${root}/steady/links/on_egress`,
      why: `it runs program ${program.id}, of neither version`,
    },
  ])
  assert.is(object.links.get('on_egress').info().progId, program.id)
  end(object)
})

test.after(() => {
  // where no test ran it was not made
  if (existsSync(cgroup)) rmdirSync(cgroup)
})

test.run()
