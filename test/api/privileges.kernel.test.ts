// What takes which capability: the table of docs/security.md, tried by processes that have no more than it says.
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const cgroup = `${process.env.BPFPIN_TEST_CGROUP ?? ''}/bpfpin-privileges-${process.pid}`
const own = `${root}/own`
const nobody = 65534
const onKernel = needs(test, 'root', 'setpriv', 'unshare', 'linux 5.19')

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
const script = new URL('./privileges.ts', import.meta.url).pathname

/** `| a | b |` -> `['a', 'b']` */
const cellsOf = (line: string): string[] =>
  line
    .slice(1, -1)
    .split('|')
    .map(cell => cell.trim())

const lines = page.split('\n')
const start = lines.findIndex(line => line.startsWith('| with |'))
const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'))
const [, ...columns] = cellsOf(lines[start] ?? '')
const rows = lines.slice(start + 2, end).map(cellsOf)

interface Said {
  readonly capabilities: string
  readonly said: Readonly<Record<string, string>>
}

/** How a process of an unprivileged user gets what a column says, and a network namespace of its own. */
function commandFor(column: string): string[] {
  const user = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  const alone = ['setpriv', ...user, 'unshare', '--user', '--map-root-user', '--net']
  if (column === 'all, in a user namespace') return alone
  const names = column === 'nothing' ? [] : column.split(', ')
  const kept = ['-all', ...names.map(name => `+${name.toLowerCase()}`)].join()
  return ['unshare', '--net', 'setpriv', ...user, `--inh-caps=${kept}`, `--ambient-caps=${kept}`]
}

/** What it comes to there. */
function sayWith(column: string): Said {
  const [command = '', ...rights] = commandFor(column)
  const { LIBBPF_BPF_TOKEN_PATH: _, ...env } = process.env
  const run = [process.execPath, ...process.execArgv, script, root, own, cgroup]
  return JSON.parse(execFileSync(command, [...rights, ...run], { encoding: 'utf8', env }))
}

/** A cell of the table, from what a process said of it. */
function asCell(said: string): string {
  const capabilities = [...said.matchAll(/CAP_[A-Z_]+/g)].map(([name]) => name)
  if (said === 'yes' || capabilities.length > 0) return capabilities.join(', ') || said
  if (/user namespace.*delegates.*token/.test(said)) return 'token'
  return /belongs to user \d+ and has mode \d+$/.test(said) ? 'mode' : said
}

test.before(() => {
  for (const path of [`${root}/../..`, `${root}/..`, root]) chmodSync(path, 0o755)
  mkdirSync(own)
  chownSync(own, nobody, nobody)
  mkdirSync(cgroup)
  const umask = process.umask(0)
  openObject(fixture('counter'), { root, name: 'shared' }).upgrade({ mode: 0o755 }).close()
  process.umask(umask)
})
test.after(() => {
  rmdirSync(cgroup)
  for (const name of readdirSync(root)) rmSync(`${root}/${name}`, { recursive: true })
})

for (const [i, column] of columns.entries()) {
  onKernel(`with ${column} one can do what the table says, and else is told what is missing`, () => {
    const { said } = sayWith(column)
    const found = Object.entries(said).map(([what, text]) => [what, asCell(text)])
    const expected = rows.map(([what, ...cells]) => [what, cells[i]])
    assert.equal(found, expected)
  })
}

test.run()
