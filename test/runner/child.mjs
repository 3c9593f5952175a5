// Runs one test file and reports on file descriptor 3, one JSON record a line. The last record is `end`: a file that
// exits, crashes or runs dry before it never looks like a pass.
import { readdirSync, readlinkSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const REPORT = 3
const [file, bpffs] = process.argv.slice(2)
const report = record => writeSync(REPORT, `${JSON.stringify(record)}\n`)
const fail = text => report({ fail: text })

globalThis.UVU_DEFER = 1 // suites queue up instead of running themselves
globalThis.UVU_INDEX = 0
globalThis.UVU_QUEUE = [[null]]
const { watch } = await import('./uvu.mjs')
watch.started = name => report({ running: name })
globalThis.bpfpinSkips = watch.skips
globalThis.bpfpinElsewhere = watch.elsewhere

const before = openFiles()
await import(pathToFileURL(file).href)
const sum = await runSuites()
report({ running: '', passed: sum.passed })
for (const reason of watch.skips) report({ skip: reason })
for (const elsewhere of watch.elsewhere) report({ elsewhere })
for (const { name, error } of [...watch.failures, ...watch.hookFailures]) fail(describe(name, error))
for (const text of missing(sum)) fail(text)
for (const text of await leaks()) fail(text)
report({ end: true })
setTimeout(stillRunning, 2000).unref()

async function runSuites() {
  const sum = { total: 0, passed: 0, skipped: 0 }
  for (const run of globalThis.UVU_QUEUE[0].slice(1)) {
    try {
      const [, passed, skipped, total] = await run()
      sum.passed += passed
      sum.skipped += skipped
      sum.total += total
    } catch {
      // `after` threw: noted by the watch, and the counts of this suite are lost
    }
  }
  return sum
}

/** Tests that neither passed nor failed nor said why they skip. */
function* missing({ total, passed, skipped }) {
  const lost = total - passed - watch.failures.length
  if (lost > 0 && watch.hookFailures.length === 0) yield `${lost} test(s) did not run to the end`
  const silent = skipped - watch.skips.length - watch.elsewhere.length
  if (silent > 0) yield `${silent} test(s) skipped without a reason (test.skip or test.only)`
  else if (total < watch.registered && watch.hookFailures.length === 0) {
    yield `${watch.registered - total} test(s) never ran: a suite without .run()`
  }
  if (watch.registered + skipped === 0) yield 'no tests in this file'
}

function describe(name, error) {
  const operator = error.operator ? `  (${error.operator})` : ''
  const diff = error.details ? `\n${error.details.replace(/^/gm, '    ')}` : ''
  const frames = error.stack
    .split('\n')
    .filter(
      line => /^\s+at /.test(line) && !/node:internal|\/uvu\/|\/test\/runner\/(?:child|uvu)\.mjs/.test(line),
    )
  const cause = error.cause === undefined ? '' : `\n  caused by: ${error.cause?.stack ?? error.cause}`
  return `"${name}"\n  ${error.name}: ${error.message}${operator}${diff}\n${frames.join('\n')}${cause}`
}

/**
 * What this process holds open: fd -> target. Pipes, sockets and /dev/null belong to node and to child processes; the one
 * inotify descriptor is the event loop's, which keeps it after its first watch.
 */
function openFiles() {
  const files = new Map()
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      if (!/^(?:pipe|socket):|^\/dev\/null$|^anon_inode:inotify$/.test(target)) files.set(fd, target)
    } catch {
      // the descriptor of the directory that was being read
    }
  }
  return files
}

async function leaks() {
  const open = () => [...openFiles()].filter(([fd, target]) => before.get(fd) !== target)
  // node closes some of its own descriptors a little later
  for (let tries = 0; open().length > 0 && tries < 20; tries++) await sleep(25)
  const found = []
  if (open().length > 0)
    found.push(
      `leaked descriptors: ${open()
        .map(entry => entry.join(' -> '))
        .join(', ')}`,
    )
  const pins = bpffs === undefined ? [] : readdirSync(bpffs, { recursive: true })
  if (pins.length > 0) found.push(`left on bpffs: ${pins.join(', ')}`)
  return found
}

function stillRunning() {
  fail(`still running after its last test: ${process.getActiveResourcesInfo().join(', ')}`)
  process.exit(1)
}
