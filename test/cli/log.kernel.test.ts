import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned } from '../../src/index.ts'
import { needs } from '../requirements.ts'
import { bpfpin, commandLine } from './bpfpin.ts'
import { pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root')
// the function of the kernel by which programs write to their streams has had this name since
const withStreams = needs(test, 'root', 'linux 6.18')

test.after.each(unpinAll)

/**
 * Runs the program; which of its streams the kernel had memory for. None has any on a system whose
 * kernel never says that it has set up all pages (deferred_pages_enabled()), as in some small virtual machines: there
 * alloc_pages_nolock() (mm/page_alloc.c), by which streams get theirs, gives nothing as long as it runs.
 */
function say(number: number): { readonly out: boolean; readonly err: boolean } {
  using object = openPinned('log', { root })
  const { returnValue } = object.programs.get('say').run({ context: Uint8Array.of(number, 0, 0, 0) })
  return { out: (returnValue & 1) !== 0, err: (returnValue & 2) !== 0 }
}

function documents(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

onKernel(
  'what bpf_printk writes is shown with the process in which it ran, and a signal ends it',
  async () => {
    pinFixture('log')
    const [command = '', ...args] = commandLine('log', '--json')
    const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    // the test's own thread runs the program
    const timer = setInterval(() => say(41), 200)
    // other programs of the system write into the same pipe, and may have before
    let last = JSON.parse((await lines.next()).value)
    while (last.pid !== process.pid) last = JSON.parse((await lines.next()).value)
    clearInterval(timer)
    assert.equal([last.source, last.text], ['trace', 'said 41'])
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    assert.equal(await ended, [0, null])
  },
)

withStreams('what programs write to their streams is shown once, by program and stream', () => {
  pinFixture('log')
  const said = [1, 2].map(number => ({ number, ...say(number) }))
  const { code, stdout, stderr } = bpfpin('log', 'log', '--once', '--json', '--root', root)
  assert.equal({ code, stderr }, { code: 0, stderr: '' })
  const expected = (source: 'stdout' | 'stderr', word: 'out' | 'err'): object[] =>
    said.filter(one => one[word]).map(({ number }) => ({ source, program: 'say', text: `${word} ${number}` }))
  assert.equal(documents(stdout), [...expected('stdout', 'out'), ...expected('stderr', 'err')])
  assert.is(bpfpin('log', 'log', '--once', '--root', root).stdout, '')
})

withStreams('one program can be picked, and its lines say whose they are', () => {
  pinFixture('log')
  const { out, err } = say(3)
  assert.is(bpfpin('log', 'log', '--program', 'be_silent', '--once', '--root', root).stdout, '')
  const { stdout } = bpfpin('log', 'log', '--program', 'say', '--once', '--root', root)
  assert.is(stdout, `${out ? 'say stdout  out 3\n' : ''}${err ? 'say stderr  err 3\n' : ''}`)
})

onKernel('a program that the object does not have, and an option without a name, are told', () => {
  pinFixture('log')
  const unknown = bpfpin('log', 'log', '--program', 'sai', '--once', '--root', root)
  assert.is(unknown.code, 1)
  assert.match(unknown.stderr, "did you mean 'say'?")
  assert.is(bpfpin('log', '--program', 'say').code, 2)
})

test.run()
