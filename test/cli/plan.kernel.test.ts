import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfObject, openObject } from '../../src/index.ts'
import { type OnMismatch, onMismatchValues } from '../../src/plan/policy.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { inProcess } from './in-process.ts'
import { everything, names, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')

/** Pins the old side of a pair as `object`. */
function pinOld(pair: string, fill?: (object: BpfObject) => void): void {
  using object = openObject(pairObject(pair, 'old'), { root, name: 'object' }).upgrade()
  fill?.(object)
}

const about = (pair: string, ...options: string[]): string[] => [
  pairObject(pair, 'new'),
  ...['--name', 'object', '--root', root, '--json', ...options],
]

/** Writes so many entries. */
const entries =
  (count: number) =>
  ({ maps }: BpfObject): void => {
    for (let key = 0; key < count; key++) maps.get('flows').set(key, key + 1)
  }
const element =
  (index: number) =>
  ({ maps }: BpfObject): void =>
    maps.get('flows').set(index, 1)

const all = ['refuse', 'convert', 'convert-lossy', 'replace'] as const
const converting = ['convert', 'convert-lossy', 'replace'] as const
const lossy = ['convert-lossy', 'replace'] as const

interface Row {
  readonly pair: string
  readonly when?: string
  readonly fill?: (object: BpfObject) => void
  readonly verdict: string
  readonly modes: readonly OnMismatch[]
}

/** The sources of the pairs are in test/pairs: maps of 64 entries, of which `entries-fewer` and `array-cut` leave 32. */
const rows: readonly Row[] = [
  { pair: 'same', verdict: 'identical', modes: all },
  { pair: 'constants', verdict: 'identical', modes: all },
  { pair: 'padding-filled', verdict: 'compatible', modes: all },
  { pair: 'moved', verdict: 'convertible', modes: converting },
  { pair: 'appended', verdict: 'convertible', modes: converting },
  { pair: 'widened', verdict: 'convertible', modes: converting },
  { pair: 'entries-grown', verdict: 'convertible', modes: converting },
  { pair: 'data-inserted', verdict: 'convertible', modes: converting },
  { pair: 'renamed', verdict: 'lossy', modes: lossy },
  { pair: 'narrowed', verdict: 'lossy', modes: lossy },
  {
    ...{ pair: 'entries-fewer', when: 'where the entries fit', fill: entries(32) },
    ...{ verdict: 'convertible', modes: converting },
  },
  {
    ...{ pair: 'entries-fewer', when: 'where they do not', fill: entries(33) },
    ...{ verdict: 'lossy', modes: lossy },
  },
  {
    ...{ pair: 'array-cut', when: 'where the end is zero', fill: element(31) },
    ...{ verdict: 'convertible', modes: converting },
  },
  {
    ...{ pair: 'array-cut', when: 'where it is not', fill: element(32) },
    ...{ verdict: 'lossy', modes: lossy },
  },
  { pair: 'key-moved', verdict: 'incompatible', modes: ['replace'] },
]

test.after.each(unpinAll)

for (const { pair, when, fill, verdict, modes } of rows) {
  const name = when === undefined ? pair : `${pair} ${when}`
  onKernel(`the pair ${name}: plan says ${verdict}, and pin goes on where plan says so`, async () => {
    for (const mode of onMismatchValues) {
      pinOld(pair, fill)
      const before = everything()
      const planned = await inProcess('plan', ...about(pair, `--on-mismatch=${mode}`))
      assert.equal(everything(), before, `plan --on-mismatch=${mode} changes something`)
      const plan = JSON.parse(planned.stdout)
      assert.is(plan.verdict, verdict)
      assert.is(planned.code, modes.includes(mode) ? 0 : 3, `plan --on-mismatch=${mode}`)
      const pinned = await inProcess('pin', ...about(pair, `--on-mismatch=${mode}`))
      assert.is(pinned.code, planned.code, `pin --on-mismatch=${mode}: ${pinned.stderr}`)
      if (pinned.code === 3) assert.equal(everything(), before, 'a refused pin changes something')
      else assert.is((await inProcess('plan', ...about(pair))).code, 0, 'what is pinned now does not fit')
      unpinAll()
    }
  })
}

onKernel('entries that have no room are left out and counted where that is allowed', async () => {
  pinOld('entries-fewer', entries(40))
  const pinned = await inProcess('pin', ...about('entries-fewer', '--on-mismatch=convert-lossy'))
  assert.is(pinned.code, 0, pinned.stderr)
  assert.match(pinned.stderr, "map 'flows' was full: 8 of the entries")
  const [carried] = JSON.parse(pinned.stdout).upgrade.carried
  assert.equal([carried.entries, carried.failed], [32, 8])
  const left = bpftool<{ formatted: { key: number; value: number } }[]>(
    ...['map', 'dump', 'pinned', `${root}/object/maps/flows`],
  )
  assert.is(left.length, 32)
  for (const { formatted } of left) {
    assert.is(formatted.value, formatted.key + 1)
  }
})

onKernel('plan says what is done with a map whose mode is another than that of the rest', async () => {
  pinOld('key-moved')
  const { code, stdout } = await inProcess('plan', ...about('key-moved', '--map', 'flows=replace'))
  assert.is(code, 0)
  assert.is(JSON.parse(stdout).maps[0].action, 'replace')
})

onKernel('with --json the plan has maps, programs, links and steps', async () => {
  openObject(fixture('counter'), { root, name: 'object' }).upgrade().close()
  const args = [fixture('counter-wider'), '--name', 'object', '--root', root, '--json']
  const { code, stdout } = await inProcess('plan', ...args, '--on-mismatch=convert')
  assert.is(code, 0)
  const { maps, programs, links, steps, ...rest } = JSON.parse(stdout)
  assert.equal(rest, { object: 'object', path: `${root}/object`, verdict: 'convertible' })
  const [{ differences, ...map }] = maps.filter(({ action }: { action: string }) => action !== 'reuse')
  assert.equal(map, {
    name: 'by_process',
    verdict: 'convertible',
    action: 'convert',
    reasons: [
      'value size 32 is pinned, the object asks for 40',
      'value.last_ns: none -> u64 at 32 (added: has its initial value)',
    ],
  })
  const added = differences.value.find(({ path }: { path: string }) => path === 'last_ns')
  // struct tally of counter.bpf.c: two u64 and 16 characters before it
  assert.equal(added.wanted, { type: 'u64', offset: 32, size: 8, bitOffset: 256, bitSize: 64 })
  assert.equal(programs, [
    { name: 'on_enter', verdict: 'changed', action: 'load' },
    { name: 'on_exit', verdict: 'identical', action: 'load' },
  ])
  // kernel/bpf/syscall.c: bpf_raw_tp_link_lops and bpf_perf_link_lops have no update_prog
  const promise = 'the new one is attached before the old one goes: no gap, events in between run both'
  assert.equal(
    links,
    ['on_enter', 'on_exit'].map(name => ({
      ...{ name, program: name, verdict: 'identical', action: 'overlap', promise, reasons: [] },
    })),
  )
  const done = steps.map((step: { do: string }) => step.do)
  const at = (what: string): number => done.indexOf(what)
  assert.ok(0 <= at('copy') && at('copy') < at('exchange') && at('exchange') < at('sweep'), done.join(', '))
})

onKernel('where nothing is pinned the plan is to pin, and makes nothing', async () => {
  const { code, stdout } = await inProcess('plan', fixture('counter'), '--root', `${root}/deep`)
  assert.is(code, 0)
  assert.match(stdout, /^counter against .*: new\nnothing is pinned: /)
  assert.equal(names(), [])
})

onKernel('a refused plan ends with the command that would go on', async () => {
  pinOld('renamed')
  const args = [pairObject('renamed', 'new'), '--name', 'object', '--root', root]
  const { code, stdout } = await inProcess('plan', ...args, '--on-mismatch', 'convert')
  assert.is(code, 3)
  const command = stdout
    .trimEnd()
    .split('\n')
    .at(-1)!
    .replace(/^.*: bpfpin pin /, '')
  assert.is(command, `${args.join(' ')} --on-mismatch=convert-lossy`)
  assert.is((await inProcess('pin', ...command.split(' '))).code, 0)
})

test.run()
