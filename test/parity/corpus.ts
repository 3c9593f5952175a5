// Holds objects from elsewhere against libbpf: what differs, and why; as root, on the kernel that runs here.
//
//   node --import ./test/ts-hook.mjs test/parity/corpus.ts DIRECTORY|OBJECT...
//
// It exits with 1 where anything differs.
import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { release } from 'node:os'
import { basename } from 'node:path'
import { commandLine, refuse } from '../runner/command-line.mjs'
import { type Difference, differences, verdictOf } from './compare.ts'
import { exceptions, explains } from './exceptions.ts'
import { objectsIn } from './objects.ts'
import { loadOurs } from './ours.ts'
import { type Outcome, Peer } from './peer.ts'

const usage = `Usage: corpus.ts [options] DIRECTORY|OBJECT...

  --all          load programs, too, that objects leave out by SEC("?..."), and give entries to maps that have none
  --bpffs PATH   default /sys/fs/bpf
  --json FILE    append a line for each object
  --help         this`

const { values, positionals } = commandLine(usage, {
  options: {
    all: { type: 'boolean', default: false },
    bpffs: { type: 'string', default: '/sys/fs/bpf' },
    json: { type: 'string' },
  },
  allowPositionals: true,
})
if (positionals.length === 0) refuse(`no objects were named\n\n${usage}`)
const place = `${values.bpffs}/parity-corpus-${process.pid}`

/** What came of one object: {@link thrown} is what should never be, an error that is none of ours. */
interface Tried {
  readonly path: string
  readonly theirs: Outcome
  readonly ours?: Outcome
  readonly thrown?: string
  readonly differences: readonly Difference[]
}

function tryObject(peer: Peer, path: string): Tried {
  mkdirSync(place)
  const theirs = peer.load(place, [path], { all: values.all })[0]!
  rmSync(place, { recursive: true })
  try {
    const ours = loadOurs(peer, [path], `${place}-ours`, { all: values.all })[0]!
    return { path, theirs, ours, differences: differences(basename(path), theirs, ours).filter(isNotMeant) }
  } catch (error) {
    return { path, theirs, thrown: error instanceof Error ? `${error.stack}` : `${error}`, differences: [] }
  }
}

/** Only by what holds for any object. */
function isNotMeant(difference: Difference): boolean {
  return !exceptions.some(each => each.objects === undefined && explains(each, difference))
}

function report({ path, theirs, ours, thrown, differences: found }: Tried): void {
  if (thrown === undefined && found.length === 0) return
  console.log(`\n${path}: libbpf ${verdictOf(theirs)}${ours ? `, bpfpin ${verdictOf(ours)}` : ''}`)
  if (thrown !== undefined) console.log(`  THROWN ${thrown}`)
  for (const { what, name, libbpf, bpfpin } of found) {
    console.log(`  ${what} ${name}\n    libbpf ${cut(libbpf)}\n    bpfpin ${cut(bpfpin)}`)
  }
  console.log(`  libbpf said ${cut(theirs.said.trim().split('\n').slice(-6).join(' / '))}`)
  if (ours) console.log(`  bpfpin said ${cut(ours.said)}`)
}

function cut(text: string): string {
  return text.length > 800 ? `${text.slice(0, 400)} ... ${text.slice(-400)}` : text
}

function sum(all: readonly Tried[], of: (tried: Tried) => number): number {
  return all.reduce((total, tried) => total + of(tried), 0)
}

function summary(all: readonly Tried[]): string[] {
  const loaded = all.filter(({ theirs }) => theirs.maps)
  const count = (test: (tried: Tried) => boolean): number => all.filter(test).length
  const milliseconds = (of: (tried: Tried) => number): string => `${(sum(all, of) / 1000).toFixed(0)} ms`
  const slower = all.filter(
    ({ theirs, ours }) => ours && ours.openedIn > Math.max(3 * theirs.openedIn, 20_000),
  )
  return [
    `Linux ${release()}: ${all.length} objects, ${sum(all, ({ theirs }) => theirs.refused.length + (theirs.programs?.length ?? 0))} programs`,
    `libbpf: ${count(({ theirs }) => theirs.open !== 0)} refused at open, ${count(({ theirs }) => theirs.load !== 0)} at load; ` +
      `${loaded.length} in the end with ${sum(all, ({ theirs }) => theirs.programs?.length ?? 0)} programs loaded ` +
      `and ${sum(loaded, ({ theirs }) => theirs.refused.length)} refused`,
    `equal in all: ${count(({ thrown, differences: found }) => thrown === undefined && found.length === 0)}; ` +
      `other verdicts: ${count(({ differences: found }) => found.some(({ what }) => what === 'verdict' || what === 'refused programs'))}; ` +
      `thrown: ${count(({ thrown }) => thrown !== undefined)}`,
    `opened in: libbpf ${milliseconds(({ theirs }) => theirs.openedIn)}, bpfpin ${milliseconds(({ ours }) => ours?.openedIn ?? 0)}`,
    ...slower.map(
      ({ path, theirs, ours }) => `slow to open: ${path}: ${theirs.openedIn} us, ours ${ours?.openedIn} us`,
    ),
  ]
}

using peer = new Peer()
const tried: Tried[] = []
process.on('exit', () => {
  rmSync(place, { recursive: true, force: true })
})
for (const path of positionals.flatMap(each => (statSync(each).isDirectory() ? objectsIn(each) : [each]))) {
  const start = performance.now()
  const one = tryObject(peer, path)
  tried.push(one)
  report(one)
  if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(one)}\n`)
  const took = performance.now() - start
  if (took > 20_000) console.log(`${path}: took ${(took / 1000).toFixed(0)} s`)
}
for (const line of ['', ...summary(tried)]) console.log(line)
if (tried.some(({ thrown, differences: found }) => thrown !== undefined || found.length > 0))
  process.exitCode = 1
