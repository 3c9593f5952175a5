// The test runner: `node --import ./test/ts-hook.mjs test/run.mjs`.
// Each file is a process of its own. NAME.kernel.test.ts runs in its own mount namespace with an empty bpffs at
// $BPFPIN_TEST_ROOT, which it must leave empty, and cgroup v2 at $BPFPIN_TEST_CGROUP. NAME.vm.kernel.test.ts runs only in
// the machines of `npm run test:kernels`. Of what a file prints, lines that begin with `| ` are shown.
// The last line is always `N passed, N failed, N skipped`.
import { appendFileSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine, numberOf } from './runner/command-line.mjs'
import { testFiles } from './runner/files.mjs'
import { runFile } from './runner/process.mjs'

const usage = `Usage: npm test -- [options] [filter...]

Runs every test/**/*.test.ts, or those whose path contains one of the filters.

  --dir DIR        look there instead of in test/
  --timeout SEC    for one file; default 300
  --all            in a virtual machine: also what files.mjs leaves out by default
  --report FILE    for programs: one JSON record a file, then { end: true }
  --help           this

The last line is always 'N passed, N failed, N skipped'.`

// one more than CI has processors, as tests wait for a third of their time; the virtual machines have two and emulate them by
// one
const AT_ONCE = process.env.BPFPIN_MACHINE === undefined ? 3 : 1
// as many start from their sources, which takes a second each; more are built first, which takes some seconds in all
const fewFiles = 10
const sum = { passed: 0, failed: 0, skipped: 0, elsewhere: 0 }
let reportFile
let given
const paint = process.stdout.isTTY && !process.env.NO_COLOR
const red = text => (paint ? `\x1b[31m${text}\x1b[39m` : text)
const yellow = text => (paint ? `\x1b[33m${text}\x1b[39m` : text)

process.on('exit', code => {
  if (!given && code === 0) return // it only said how it is called
  if (sum.failed === 0 && (code !== 0 || sum.passed + sum.skipped === 0)) sum.failed = 1
  if (sum.failed > 0) process.exitCode = 1
  report({ end: true })
  if (sum.elsewhere > 0) console.log(`${sum.elsewhere} tests are for a later kernel than this one`)
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
})

given = commandLine(usage, {
  allowPositionals: true,
  options: {
    dir: { type: 'string' },
    timeout: { type: 'string', default: '300' },
    report: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
})
const { values: options, positionals: filters } = given
const timeout = 1000 * numberOf('timeout', options.timeout)
reportFile = options.report
const dir = resolve(options.dir ?? fileURLToPath(new URL('.', import.meta.url)))

const { files: all, leftOut } = testFiles(dir, { all: options.all || filters.length > 0 })
const isChosen = file => filters.length === 0 || filters.some(filter => named(file).includes(filter))
const files = all.filter(isChosen)
for (const { name, why } of leftOut) console.log(yellow(` not here: ${name}: ${why}`))
if (files.length === 0)
  console.log(red(`no file *.test.ts in ${named(dir)} for: ${filters.join(' ') || '(all)'}`))

if (files.length > fewFiles && options.dir === undefined && process.env.BPFPIN_MACHINE === undefined) {
  const { keepBuilt } = await import('./runner/built-sources.ts')
  const checkout = fileURLToPath(new URL('..', import.meta.url))
  const built = join(checkout, `node_modules/.cache/tests-${process.pid}`)
  process.on('exit', () => rmSync(built, { recursive: true, force: true }))
  await keepBuilt(checkout, files, built)
  process.env.BPFPIN_TEST_BUILT = built
}

const queue = [...files]
await Promise.all(Array.from({ length: AT_ONCE }, work))

async function work() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    show(file, await runFile(file, timeout))
  }
}

function show(file, { passed, failures, skips, elsewhere, ms, output }) {
  if (process.env.CI === 'true')
    failures.push(...skips.map(reason => `skipped, which CI must not do: ${reason}`))
  else sum.skipped += skips.length
  report({ file: named(file), passed, failures, skips, elsewhere, ms })
  sum.passed += passed
  sum.elsewhere += elsewhere.length
  sum.failed += failures.length
  const mark = failures.length > 0 ? red('FAIL') : ' ok '
  const skipped = skips.length > 0 ? `, ${skips.length} skipped` : ''
  const others = elsewhere.length > 0 ? `, ${elsewhere.length} for a later kernel` : ''
  console.log(`${mark} ${named(file)}  ${passed} passed${skipped}${others}  ${Math.round(ms)} ms`)
  const lines = output.trimEnd().split('\n')
  for (const line of lines.filter(isShown)) console.log(`     ${line}`)
  for (const line of summarised(skips)) console.log(yellow(`     skipped: ${line}`))
  for (const failure of failures) console.log(indent(failure, '     '))
  const printed = lines.filter(line => !isShown(line))
  if (failures.length > 0 && printed.join(''))
    console.log(`     it printed:\n${indent(lastLines(printed), '     | ')}`)
}

function report(record) {
  if (reportFile !== undefined) appendFileSync(reportFile, `${JSON.stringify(record)}\n`)
}

/** `"a name" needs bpftool` one by one, and `14 tests need bpftool` where they are many. */
function summarised(skips) {
  const byNeed = new Map()
  for (const skip of skips) {
    const need = skip.slice(skip.lastIndexOf('" needs ') + 1)
    byNeed.set(need, [...(byNeed.get(need) ?? []), skip])
  }
  return [...byNeed].flatMap(([need, all]) =>
    all.length <= 3 ? all : [`${all.length} tests${need.replace(' needs', ' need')}`],
  )
}

function isShown(line) {
  return line.startsWith('| ')
}

function lastLines(lines) {
  return lines.length <= 100 ? lines.join('\n') : ['...', ...lines.slice(-100)].join('\n')
}

/** As the user would type it. */
function named(file) {
  return relative(process.cwd(), file)
}

function indent(text, by) {
  return text.replace(/^/gm, by)
}
