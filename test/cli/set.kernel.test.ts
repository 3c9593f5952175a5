import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpftool } from '../syscall/bpftool.ts'
import { bpfpin, bpfpinJson } from './bpfpin.ts'
import { root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root', 'bpftool')

/** The counter's maps hold still: its programs are not attached. */
test.before.each(() => {
  if (root === '') return
  const spec = openObject(fixture('counter'), { root })
  for (const program of spec.programs) program.autoattach = false
  spec.upgrade().close()
})
test.after.each(unpinAll)

interface Formatted {
  readonly formatted: { readonly key: unknown; readonly value: Record<string, unknown> }
}

const path = (map: string): string => `${root}/counter/maps/${map}`

/** The variables of a section, as bpftool shows them. */
function variables(section: string): Record<string, unknown> {
  const [entry] = bpftool<Formatted[]>('map', 'dump', 'pinned', path(`:${section}`))
  return Object.assign({}, ...(entry!.formatted.value[`.${section}`] as object[]))
}

const set = (...args: string[]) => bpfpin('set', 'counter', '--root', root, ...args)

onKernel('variables are set as bpftool shows them', () => {
  assert.equal(set('entered=5', 'left=0x20', 'weight=7'), {
    code: 0,
    stdout: 'entered = 5\nleft = 32\nweight = 7\n',
    stderr: '',
  })
  assert.equal(variables('bss'), { entered: 5, left: 32 })
  assert.is(variables('data').weight, 7)
})

onKernel('an integer of 64 bits is set exactly', () => {
  assert.equal(bpfpinJson('set', 'counter', 'entered=0x8000000000000001', '--root', root), {
    entered: '9223372036854775809',
  })
  const value = bpftool<{ value: string[] }>(
    'map',
    'lookup',
    'pinned',
    path(':bss'),
    'key',
    '0',
    '0',
    '0',
    '0',
  ).value
  assert.equal(value.slice(0, 8), ['0x01', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x80'])
})

onKernel('an entry is written as bpftool shows it', () => {
  const entry = { calls: 4, weighted: 9, comm: 'a "name"' }
  const args = ['counter', 'by_process', '4000000000', JSON.stringify(entry), '--root', root]
  assert.equal(bpfpinJson('set', ...args), { key: 4_000_000_000, value: entry })
  const [dumped] = bpftool<Formatted[]>('map', 'dump', 'pinned', path('by_process'))
  assert.equal(dumped!.formatted, { key: 4_000_000_000, value: entry })
  assert.is(
    set('by_process', '7', '{calls: 1, weighted: 2, comm: node}').stdout,
    '7: {calls: 1, weighted: 2, comm: "node"}\n',
  )
  assert.is(bpftool<Formatted[]>('map', 'dump', 'pinned', path('by_process')).length, 2)
})

onKernel('where one value does not fit none is set, and the reason names it', () => {
  for (const [args, message] of [
    [['entered=1', 'left=-1'], 'left: -1 does not fit u64 (0..18446744073709551615)'],
    [['entered=1', 'left=18446744073709551616'], 'left: 18446744073709551616'],
    [['entered=1', 'lefd=1'], "there is no variable 'lefd'; did you mean 'left'?"],
    [['entered=1', 'left=many'], "left: 'many'"],
    [['entered=1', 'only_pid=1'], "variable 'only_pid' is in .rodata: constants cannot change"],
    [['entered=1', 'left={'], "left: character 2 of '{': expected the name of a field"],
    [['by_proces', '1', '1'], "there is no map 'by_proces'; did you mean 'by_process'?"],
    [['by_process', '-1', '{calls: 1, weighted: 1, comm: a}'], 'key: -1 does not fit'],
    [['by_process', '1', '{calls: 1, weighted: 1}'], 'value.comm'],
    [['by_process', '1', '{calls: 1, weighted: 1, comm: a, more: 1}'], 'more'],
    [['totals', '99', '1'], 'E2BIG'],
    [['.rodata', '0', '[1]'], "map '.rodata' holds constants"],
  ] as const) {
    const { code, stdout, stderr } = set(...args)
    assert.equal({ args, code, stdout }, { args, code: 1, stdout: '' })
    assert.ok(stderr.includes(message), `${args.join(' ')}: ${stderr}`)
  }
  assert.equal(variables('bss'), { entered: 0, left: 0 })
  assert.equal(bpftool('map', 'dump', 'pinned', path('by_process')), [])
})

onKernel('what is neither assignments nor an entry is wrong usage', () => {
  for (const args of [
    ['a'],
    ['by_process', '1'],
    ['by_process', '1', '2', '3'],
    ['a=1', 'b'],
    ['a=1', 'a=2'],
    ['=1'],
  ]) {
    const { code, stderr } = set(...args)
    assert.is(code, 2)
    assert.match(stderr, 'bpfpin set --help shows what is possible')
  }
})

onKernel('an object that is not pinned is told', () => {
  const { code, stderr } = bpfpin('set', 'none', 'a=1', '--root', root)
  assert.is(code, 1)
  assert.match(stderr, `no object 'none' is pinned at ${root}/none`)
})

test.run()
