import { mkdirSync, rmSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isEmulated } from '../effort.ts'
import { needs } from '../requirements.ts'
import { type Difference, differences } from './compare.ts'
import { exceptions, explains, isFor, outdated } from './exceptions.ts'
import { objectsToTry } from './objects.ts'
import { loadOurs } from './ours.ts'
import { Peer } from './peer.ts'
import { type Row, tableLines } from './table.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const withLibbpf = isEmulated ? needs(test, 'root') : needs(test, 'root', 'gcc', '/usr/include/libelf.h')

let rows: readonly Row[] = []
let meant: typeof exceptions = []

function compareAll(): void {
  using peer = new Peer()
  const { version } = peer
  meant = exceptions.filter(exception => isFor(exception, release(), version))
  const objects = objectsToTry()
  const paths = objects.map(({ path }) => path)
  const pins = `${root}/theirs`
  mkdirSync(pins)
  const start = performance.now()
  const theirs = peer.load(pins, paths)
  const between = performance.now()
  rmSync(pins, { recursive: true })
  const ours = loadOurs(peer, paths, `${root}/ours`)
  const end = performance.now()
  rows = objects.map(({ name }, i) => {
    const outcome = { theirs: theirs[i]!, ours: ours[i]! }
    const found = differences(name, outcome.theirs, outcome.ours)
    const reasons = meant.filter(each => found.some(difference => explains(each, difference)))
    const unexplained = found.filter(isNotMeant).length
    return {
      object: name,
      ...outcome,
      differences: found,
      reasons: reasons.map(each => each.why),
      unexplained,
    }
  })
  const took = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const title = `Linux ${release()}: libbpf ${version} (${took(between - start)}) and bpfpin (${took(end - between)})`
  // the runner shows such lines
  for (const line of tableLines(title, rows)) console.log(`| ${line}`)
}

function isNotMeant(difference: Difference): boolean {
  return !meant.some(exception => explains(exception, difference))
}

/** All that differs and is not meant to, and what both said. */
function unexplained(chosen: (what: string) => boolean): unknown[] {
  return rows.flatMap(({ differences: found, theirs, ours }) => {
    const left = found.filter(difference => chosen(difference.what) && isNotMeant(difference))
    return left.map(difference => ({ ...difference, theySaid: theirs.said.slice(-400), weSaid: ours.said }))
  })
}

const ofVerdict = (what: string): boolean => what === 'verdict' || what === 'refused programs'

withLibbpf('what libbpf loads we load, what it refuses we refuse', () => {
  compareAll()
  assert.equal(unexplained(ofVerdict), [])
})

withLibbpf('the kernel holds the same maps and instructions, whoever loaded them', () => {
  assert.ok(rows.some(({ ours }) => ours.programs && ours.programs.length > 5))
  assert.equal(
    unexplained(what => !ofVerdict(what)),
    [],
  )
})

withLibbpf('each difference that is meant is still there', () => {
  const found = rows.flatMap(row => row.differences)
  assert.equal(outdated(meant, found, new Set(rows.map(row => row.object))), [])
})

test.run()
