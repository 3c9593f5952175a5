import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planPage } from '../../src/cli/plan-page.ts'
import { filesView, isRefused } from '../../src/cli/plan-view.ts'
import { openObject } from '../../src/index.ts'
import { compareSpecs } from '../../src/plan/against.ts'
import { type OnMismatch, onMismatchValues } from '../../src/plan/policy.ts'
import { fixture } from '../fixtures.ts'
import { pairObject } from '../plan/pairs.ts'
import { bpfpin, bpfpinIn } from './bpfpin.ts'

interface Planned {
  readonly verdict: string
  readonly maps: readonly {
    readonly name: string
    readonly action: string
    readonly reasons: readonly string[]
  }[]
}

const planPair = (pair: string, ...options: string[]) =>
  bpfpin('plan', pairObject(pair, 'new'), '--against', pairObject(pair, 'old'), ...options)

/** Which modes let the upgrade go on; `replace` always does. */
const allowed: readonly (readonly [pair: string, modes: readonly OnMismatch[]])[] = [
  ['same', ['refuse', 'convert', 'convert-lossy']],
  ['padding-filled', ['refuse', 'convert', 'convert-lossy']],
  ['constants', ['refuse', 'convert', 'convert-lossy']],
  ['appended', ['convert', 'convert-lossy']],
  ['data-inserted', ['convert', 'convert-lossy']],
  ['renamed', ['convert-lossy']],
  ['entries-fewer', ['convert-lossy']],
  ['key-moved', []],
  ['queue-grown', []],
]
for (const [pair, modes] of allowed) {
  test(`the pair ${pair} goes on only where its verdict is no worse than what may be done`, () => {
    const items = compareSpecs(
      openObject(pairObject(pair, 'old')).spec,
      openObject(pairObject(pair, 'new')).spec,
    )
    const goesOn = (onMismatch: OnMismatch): boolean =>
      !isRefused(filesView({ object: pair, path: '', items, policy: { onMismatch } }))
    assert.equal(onMismatchValues.filter(goesOn), [...modes, 'replace'])
  })
}

test('the exit code is 0 where the upgrade would go on, and 3 where it would refuse', () => {
  assert.is(planPair('padding-filled').code, 0)
  assert.is(planPair('appended').code, 3)
  assert.is(planPair('appended', '--on-mismatch=convert').code, 0)
})

test('both layouts stand side by side, with what became of each field', () => {
  const { stdout, code } = bpfpin(
    ...['plan', fixture('counter-wider'), '--against', fixture('counter'), '--on-mismatch=convert'],
  )
  assert.is(code, 0)
  // offsets as in the C source: two u64, 16 characters, and the field that is new
  assert.match(stdout, /^ {2}weighted +u64 +8\.\.15 +u64 +8\.\.15 +kept$/m)
  assert.match(stdout, /^ {2}comm +char\[16\] +16\.\.31 +char\[16\] +16\.\.31 +kept$/m)
  assert.match(stdout, /^ {2}last_ns +- +u64 +32\.\.39 +added: has its initial value$/m)
  assert.match(stdout, /^map by_process: convertible -> convert$/m)
  assert.match(stdout, /^ {2}on_enter +changed$/m)
})

test('nothing is coloured that no terminal shows', () => {
  assert.not.match(planPair('renamed').stdout, '\u001b')
})

test('with --json the document has a verdict, an action and reasons for each map', () => {
  const { stdout, code } = planPair('narrowed', '--json')
  assert.is(code, 3)
  const plan: Planned = JSON.parse(stdout)
  assert.equal(Object.keys(plan), ['object', 'path', 'verdict', 'maps', 'programs', 'links', 'steps'])
  assert.is(plan.verdict, 'lossy')
  const [{ differences, ...map }] = JSON.parse(stdout).maps
  assert.equal(map, {
    name: 'flows',
    verdict: 'lossy',
    action: 'refuse',
    reasons: ['value.bytes: u64 at 8 -> u32 at 8 (narrowed: 64 bits into 32)'],
  })
  assert.equal(differences.value[1], {
    path: 'bytes',
    change: 'narrowed',
    pinned: { type: 'u64', offset: 8, size: 8, bitOffset: 64, bitSize: 64 },
    wanted: { type: 'u32', offset: 8, size: 4, bitOffset: 64, bitSize: 32 },
    grade: 'lossy',
    note: '64 bits into 32',
  })
})

test('two files are compared without koffi', () => {
  const node = [
    '--import',
    `data:text/javascript,${encodeURIComponent(`
      import Module from 'node:module'
      const resolve = Module._resolveFilename
      Module._resolveFilename = (name, ...rest) => {
        if (name.startsWith('koffi')) throw new Error('no koffi')
        return resolve(name, ...rest)
      }`)}`,
  ]
  const files = [pairObject('moved', 'new'), '--against', pairObject('moved', 'old')] as const
  assert.is(bpfpinIn({ node }, 'plan', ...files, '--json').code, 3)
})

test('what is asked for and does not exist is wrong usage', () => {
  const { code, stderr } = planPair('moved', '--on-mismatch=convrt')
  assert.is(code, 2)
  assert.match(stderr, "not 'convrt'; did you mean 'convert'?")
})

test('the page shows both layouts and needs nothing else', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bpfpin-plan-'))
  try {
    const file = join(dir, 'plan.html')
    assert.is(planPair('moved', '--html', file).code, 3)
    const page = readFileSync(file, 'utf8')
    // u64 packets, u64 bytes: each is a row of eight bytes, and they change places
    const [, old = '', now = ''] = page.split('<figure>')
    assert.ok(old.indexOf('packets') < old.indexOf('bytes 8 to 15'))
    assert.match(old, 'title="packets: bytes 0 to 7"')
    assert.match(now, 'title="packets: bytes 8 to 15"')
    assert.not.match(page, /<(script|link|img)|https?:/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('no name of an object becomes markup of the page', () => {
  const evil = `<script>alert("1")</script>&'`
  const side = { type: evil, offset: 0, size: 4, bitOffset: 0, bitSize: 32 }
  const change = { path: evil, change: 'moved', pinned: side, wanted: side, grade: 'convertible' } as const
  const comparison = { grade: 'convertible', changes: [change], conversion: undefined } as const
  const view = filesView({
    object: evil,
    path: evil,
    items: [
      {
        ...{ kind: 'map', name: evil, path: evil, verdict: 'convertible' },
        reasons: [{ field: evil, wanted: evil, pinned: evil }],
        differences: { key: comparison, value: comparison },
      },
      { kind: 'program', name: evil, verdict: 'new' },
      {
        kind: 'link',
        name: evil,
        verdict: 'changed',
        reasons: [{ field: evil, wanted: evil, pinned: evil }],
      },
    ],
    policy: { onMismatch: 'refuse' },
  })
  const steps = [{ do: 'copy', map: evil, path: evil }] as const
  const page = planPage({ ...view, steps })
  assert.not.match(page, '<script')
  assert.not.match(page, 'alert("1")')
  assert.match(page, '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;')
})

test.run()
