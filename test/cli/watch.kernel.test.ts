import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openPinned } from '../../src/index.ts'
import { needs } from '../requirements.ts'
import { bpfpin, commandLine } from './bpfpin.ts'
import { type Listing, pinFixture, root, unpinAll } from './pinned.ts'

const onKernel = needs(test, 'root')

test.after.each(unpinAll)

/** The tool as it goes on: its lines one by one, and how it ended. */
class Watching {
  readonly process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(...args: string[]) {
    const [command = '', ...rest] = commandLine(...args, '--root', root)
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.process = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('it has ended')
    return value
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    const ended = once(this.process, 'exit')
    this.process.kill(signal)
    return ended
  }
}

onKernel('a map that is watched is printed at each change, one line of JSON each, until SIGINT', async () => {
  pinFixture('functions')
  using object = openPinned('functions', { root })
  const watching = new Watching('dump', 'functions/maps/.bss', '--watch', '--interval', '0.1', '--json')
  assert.equal(JSON.parse(await watching.line()), { sum: 0 })
  object.variables.get('sum').set(41n)
  assert.equal(JSON.parse(await watching.line()), { sum: 41 })
  assert.equal(await watching.end('SIGINT'), [0, null])
})

onKernel('what comes and goes is listed when it does, and an object may come back', async () => {
  const watching = new Watching('ls', '--watch', '--interval', '60', '--json')
  const names = async (): Promise<string[]> => {
    // the tool's own document
    const { objects } = JSON.parse(await watching.line()) as Listing
    return objects.map(({ name }) => name)
  }
  assert.equal(await names(), [])
  pinFixture('functions')
  // a pin in the making is listed, too
  let listed = await names()
  while (listed.length === 0) listed = await names()
  assert.equal(listed, ['functions'])
  unpinAll()
  while (listed.length > 0) listed = await names()
  assert.equal(await watching.end('SIGTERM'), [0, null])
})

onKernel('what is gone is said, and the watching goes on', async () => {
  pinFixture('functions')
  const watching = new Watching('ls', 'functions', '--watch', '--json')
  assert.is(JSON.parse(await watching.line()).objects.length, 1)
  unpinAll()
  let document = JSON.parse(await watching.line())
  while (!document.error) document = JSON.parse(await watching.line())
  assert.is(document.error.code, 'ERR_NOT_PINNED')
  pinFixture('functions')
  while (document.error) document = JSON.parse(await watching.line())
  assert.is(document.objects[0].name, 'functions')
  assert.equal(await watching.end('SIGINT'), [0, null])
})

onKernel('a reader that closes the pipe ends it', async () => {
  pinFixture('functions')
  const watching = new Watching('ls', '--watch', '--interval', '0.1')
  await watching.line()
  const ended = once(watching.process, 'exit')
  watching.process.stdout?.destroy()
  unpinAll()
  assert.equal(await ended, [0, null])
})

test('an interval that is none is wrong usage', () => {
  for (const args of [
    ['--watch', '--interval', '0'],
    ['--watch', '--interval', 'x'],
    ['--interval', '1'],
  ]) {
    const { code, stderr } = bpfpin('ls', ...args, '--root', root)
    assert.is(code, 2)
    assert.match(stderr, '--interval')
  }
})

test.run()
