// One test file as one process: started, watched, killed when it takes too long, its records read.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtFile } from './built-file.cjs'

const child = fileURLToPath(new URL('./child.mjs', import.meta.url))
const hook = new URL('../ts-hook.mjs', import.meta.url).href
const start = fileURLToPath(new URL('./start.cjs', import.meta.url))
/** `import(path)`; in a text or with a text it is something else */
const importsAtRunTime = /\bawait import\(\s*[^\s'"]/
const inNamespace = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c']
// The root is below the mount point, as that has maps.debug and progs.debug (CONFIG_BPF_PRELOAD), which nobody may
// remove. tracefs and cgroup v2 are not everywhere where one looks for them first.
const mountAndRun = `
  set -e
  place=$1; shift
  mount -t tmpfs tmpfs "$place"
  mkdir "$place/bpf" "$place/cgroup"
  mount -t bpf bpf "$place/bpf"
  mkdir "$BPFPIN_TEST_ROOT"
  mount -t cgroup2 cgroup2 "$BPFPIN_TEST_CGROUP"
  [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
  exec "$@"`

/**
 * -> `{ file, passed, failures, skips, elsewhere, ms, output }`; failures and skips are texts, elsewhere has
 * `{ name, needs }` of tests for later kernels.
 */
export async function runFile(file, timeout) {
  const needsKernel = file.endsWith('.kernel.test.ts')
  const obstacle = needsKernel ? whyNoKernelTests() : undefined
  if (obstacle !== undefined) {
    return { file, passed: 0, failures: [], skips: [obstacle], elsewhere: [], ms: 0, output: '' }
  }

  const start = performance.now()
  const place = needsKernel ? mkdtempSync(join(tmpdir(), 'bpfpin-test-')) : undefined
  try {
    const ended = await end(begin(file, place), timeout)
    return { file, ms: performance.now() - start, ...judge(ended, timeout) }
  } finally {
    if (place !== undefined) rmdirSync(place) // mounts were on it in the test's own namespace only
  }
}

function whyNoKernelTests() {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (process.getuid() !== 0) return 'needs root: bpf(2) and a bpffs of its own'
  const found = process.env.PATH.split(delimiter).some(dir => existsSync(join(dir, 'unshare')))
  return found ? undefined : "needs the command 'unshare' (util-linux)"
}

function begin(file, place) {
  const node = [process.execPath, ...howToRun(file)]
  const isolated = place !== undefined
  const places = isolated
    ? { BPFPIN_TEST_ROOT: join(place, 'bpf/root'), BPFPIN_TEST_CGROUP: join(place, 'cgroup') }
    : {}
  const [command, ...args] = isolated
    ? [...inNamespace, mountAndRun, 'sh', place, ...node, places.BPFPIN_TEST_ROOT]
    : node
  return spawn(command, args, {
    detached: true, // its own process group, to be killed as a whole
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...places },
  })
}

/**
 * Arguments of node. What built-sources.ts made of the file starts sooner, where it imports nothing at run time: that may
 * be a module which the test wrote, with names of sources in it.
 */
function howToRun(file) {
  const built = builtFile(file)
  if (built === undefined || importsAtRunTime.test(readFileSync(file, 'utf8')))
    return ['--import', hook, '--enable-source-maps', child, file]
  return ['--require', start, child, built]
}

function end(running, timeout) {
  let output = ''
  let records = ''
  let timedOut = false
  running.stdout.setEncoding('utf8').on('data', data => (output += data))
  running.stderr.setEncoding('utf8').on('data', data => (output += data))
  running.stdio[3].setEncoding('utf8').on('data', data => (records += data))
  const killGroup = () => {
    try {
      process.kill(-running.pid, 'SIGKILL')
    } catch {
      // all of it has ended
    }
  }
  const timer = setTimeout(() => {
    timedOut = true
    killGroup()
  }, timeout)
  return new Promise((resolve, reject) => {
    running.on('error', reject)
    running.on('exit', killGroup) // what the test left running would hold the pipes open
    running.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({
        records: records
          .split('\n')
          .filter(Boolean)
          .map(line => JSON.parse(line)),
        output,
        code,
        signal,
        timedOut,
      })
    })
  })
}

function judge({ records, output, code, signal, timedOut }, timeout) {
  const failures = records.flatMap(record => record.fail ?? [])
  const skips = records.flatMap(record => record.skip ?? [])
  const elsewhere = records.flatMap(record => record.elsewhere ?? [])
  const passed = records.findLast(record => record.passed !== undefined)?.passed ?? 0
  const running = records.findLast(record => record.running !== undefined)?.running
  const place = running ? ` in "${running}"` : ''
  if (timedOut) failures.push(`killed after ${timeout / 1000} s${place}`)
  else if (!records.some(record => record.end))
    failures.push(`ended early${place}: ${signal ?? `exit code ${code}`}`)
  else if (code !== 0 && failures.length === 0) failures.push(`exit code ${code} after its last test`)
  return { passed, failures, skips, elsewhere, output }
}
