import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openObject } from '../../src/index.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

const objects = ['counter', 'functions', 'dead-branch', 'core-running', '../../examples/syscount/syscount']

const bpftool = (...args: string[]): unknown =>
  JSON.parse(
    execFileSync('bpftool', ['--json', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  )

interface MapShown {
  readonly id: number
  readonly name: string
  readonly type: string
  readonly bytes_key: number
  readonly bytes_value: number
  readonly max_entries: number
  readonly flags: number
  readonly btf_id: number
}

interface ProgramShown {
  readonly name: string
  readonly type: string
  readonly tag: string
  readonly gpl_compatible: boolean
  readonly bytes_xlated: number
  readonly map_ids?: readonly number[]
}

/** A program as the kernel holds it, in words that are the same for equal programs. */
function describe(pin: string): unknown {
  const shown = bpftool('prog', 'show', 'pinned', pin) as ProgramShown
  const maps = (shown.map_ids ?? []).map(id => bpftool('map', 'show', 'id', String(id)) as MapShown)
  const names = new Map(maps.map(({ id, name }) => [String(id), name]))
  const dump = bpftool('prog', 'dump', 'xlated', 'pinned', pin, 'linum') as readonly Record<string, unknown>[]
  const { name, type, tag, gpl_compatible, bytes_xlated } = shown
  return {
    ...{ name, type, tag, gpl_compatible, bytes_xlated },
    maps: maps
      .map(({ id, btf_id, ...parameters }) => JSON.stringify({ ...parameters, hasBtf: btf_id > 0 }))
      .sort(),
    instructions: dump.map(line => ({
      ...line,
      disasm: String(line.disasm).replace(/id:(\d+)/, (_, id: string) => `map ${names.get(id)}`),
    })),
  }
}

for (const object of objects) {
  needs(
    test,
    'root',
    'bpftool',
  )(`the kernel holds of ${object} what it holds after libbpf loaded it`, () => {
    const file = new URL(`../fixtures/${object}.bpf.o`, import.meta.url).pathname
    const theirs = `${root}/theirs`
    // bpftool is built on libbpf, which pins no object whole that has a program in a section with a leading '?'
    const isWhole = object !== 'functions'
    mkdirSync(theirs)
    execFileSync(
      'bpftool',
      isWhole ? ['prog', 'loadall', file, theirs] : ['prog', 'load', file, `${theirs}/run`],
      {
        stdio: 'pipe',
      },
    )
    using ours = openObject(file, { root, name: object.replace(/.*\//, '') }).load()
    ours.pin()
    try {
      assert.ok(ours.programs.size > 0)
      for (const { name } of ours.programs) {
        assert.equal(describe(`${ours.pinPath}/programs/${name}`), describe(`${theirs}/${name}`), name)
      }
    } finally {
      ours.unpin()
      rmSync(theirs, { recursive: true })
    }
  })
}

test.run()
