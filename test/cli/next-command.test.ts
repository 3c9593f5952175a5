import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nextCommand, planSuggestion } from '../../src/cli/next-command.ts'
import { BpfError } from '../../src/errors.ts'
import { type MapVerdict, PinMismatchError, type Verdict } from '../../src/plan/verdict.ts'

const map = (name: string, verdict: Verdict, more: Partial<MapVerdict> = {}): MapVerdict => ({
  ...{ kind: 'map', name, path: `/sys/fs/bpf/x/maps/${name}`, verdict, reasons: [], ...more },
})
const mismatch = (...verdicts: MapVerdict[]): BpfError => new PinMismatchError('x', '/sys/fs/bpf/x', verdicts)
const optionsFor = (error: BpfError, ...args: string[]): string | undefined =>
  nextCommand(error, ['x.o', ...args])?.replace(/^.*: bpfpin pin x\.o ?/, '')

test('the least mode that lets every map be carried is suggested', () => {
  assert.is(optionsFor(mismatch(map('a', 'convertible'))), '--on-mismatch=convert')
  assert.is(optionsFor(mismatch(map('a', 'convertible'), map('b', 'lossy'))), '--on-mismatch=convert-lossy')
})

test('a map that cannot be carried is emptied, by name, and nothing else is', () => {
  assert.is(optionsFor(mismatch(map('a', 'incompatible'))), '--map=a=replace')
  assert.is(
    optionsFor(mismatch(map('a', 'incompatible'), map('b', 'lossy'))),
    '--on-mismatch=convert-lossy --map=a=replace',
  )
})

test('what it costs is said', () => {
  assert.match(nextCommand(mismatch(map('a', 'incompatible')), ['x.o'])!, 'it empties a:')
  assert.match(
    nextCommand(mismatch(map('a', 'lossy')), ['x.o'])!,
    'carries the entries over but what is said above:',
  )
})

test('a mode that was given gives way to the one that is suggested, in either form', () => {
  for (const given of [['--on-mismatch=convert'], ['--on-mismatch', 'convert']]) {
    assert.is(
      optionsFor(mismatch(map('a', 'lossy')), ...given, '--wait', '5'),
      '--wait 5 --on-mismatch=convert-lossy',
    )
  }
})

test('a gap alone takes --allow-gap, and keeps the mode', () => {
  const gap = new BpfError('...', { code: 'ERR_GAP' })
  assert.is(optionsFor(gap, '--on-mismatch=convert'), '--on-mismatch=convert --allow-gap')
})

test('a plan knows of maps and gaps at once, and its page is not the business of pin', () => {
  const plan = {
    ...{ object: 'x', path: '', maps: [], programs: [], links: [], steps: [] },
    verdict: 'convertible',
    ...{ refused: [map('a', 'convertible')], gaps: ['on_xdp'] },
  } as const
  const text = planSuggestion(plan, ['x.o', '--html', 'page.html'])
  assert.match(text!, /: bpfpin pin x\.o --on-mismatch=convert --allow-gap$/)
})

test('nothing is suggested where no option helps', () => {
  assert.is(nextCommand(mismatch(map('a', 'convertible', { isShared: true })), ['x.o']), undefined)
  assert.is(nextCommand(new BpfError('...', { code: 'EPERM' }), ['x.o']), undefined)
})

test('a shell reads the command as it was given', () => {
  const args = [
    "it's v2/x.o",
    '--attach',
    'on_xdp=eth0,mode=generic',
    '--name',
    '$(id) "x"',
    '--map',
    'a b=refuse',
  ]
  const text = nextCommand(new BpfError('...', { code: 'ERR_GAP' }), args)!
  const command = text.slice(text.indexOf('bpfpin pin ') + 'bpfpin pin '.length)
  const read = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
  assert.equal(read.trimEnd().split('\n'), [...args, '--allow-gap'])
})

test.run()
