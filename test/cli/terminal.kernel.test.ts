import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'
import { bpfpin, commandLine } from './bpfpin.ts'
import { pinFixture, root, unpinAll } from './pinned.ts'

const onTerminal = needs(test, 'root', 'script')

test.after.each(unpinAll)

/** What the tool prints on a terminal of so many columns. */
function onTerminalOf(columns: number, env: NodeJS.ProcessEnv, ...args: string[]): string {
  const words = commandLine(...args).map(word => `'${word}'`)
  const script = `stty cols ${columns} rows 50; ${words.join(' ')}`
  const { stdout } = spawnSync('script', ['-qec', script, '/dev/null'], {
    encoding: 'utf8',
    // Node takes no system for continuous integration that it does not know for a terminal with colours
    env: { ...process.env, CI: undefined, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return stdout.replaceAll('\r\n', '\n')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal takes for colour
const colours = /\x1b\[[0-9;]*m/g
const wordsOf = (text: string): string[] =>
  text
    .replace(/[│├└─]/g, ' ')
    .split(/\s+/)
    .filter(Boolean)

for (const columns of [60, 80, 200]) {
  onTerminal(
    `a tree and a plan fit a terminal of ${columns} columns, and say all that they say elsewhere`,
    () => {
      pinFixture('counter')
      const ls = ['ls', '--root', root]
      const plan = [
        'plan',
        fixture('counter-wider'),
        '--name',
        'counter',
        '--root',
        root,
        '--on-mismatch=convert',
      ]
      for (const args of [ls, plan]) {
        const shown = onTerminalOf(columns, {}, ...args).replace(colours, '')
        // a path is not broken
        const tooLong = shown.split('\n').filter(line => line.length > columns && !line.includes(root))
        assert.equal(tooLong, [])
        const piped = bpfpin(...args).stdout
        assert.equal(wordsOf(shown), wordsOf(piped))
      }
    },
  )
}

onTerminal('colours are for terminals, and not where NO_COLOR asks for none', () => {
  pinFixture('counter')
  assert.match(onTerminalOf(80, {}, 'ls', '--root', root), '\x1b[')
  assert.not.match(onTerminalOf(80, { NO_COLOR: '1' }, 'ls', '--root', root), '\x1b[')
  assert.not.match(bpfpin('ls', '--root', root).stdout, '\x1b[')
})

test.run()
