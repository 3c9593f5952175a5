// A file for each way in which a file can be wrong, and no guard without one.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Guard } from './guards.ts'
import type { Said } from './malformed-guards.ts'

/** Guards that no file can meet, by file and a part of the line, and why. */
const without: readonly (readonly [file: string, line: string, why: string])[] = [
  ['src/btf/writer.ts', '', 'what is written, not read'],
  [
    'src/btf/btf.ts',
    'throw new BtfError(',
    'of numbers that a caller makes up: no record of a file is passed on unchecked',
  ],
  ['src/btf/btf.ts', 'cannot be scanned', 'faults that a scan of types does not have'],
  ['src/btf/c-order.ts', 'it waits for itself', 'types that hold themselves are refused before'],
  ['src/btf/c-type.ts', 'is not defined in C', 'what has no definition is in no order'],
  ['src/btf/c-type.ts', 'is no type in C', 'members of no type of values are refused before'],
  ['src/btf/c-type.ts', 'throw tooDeep(this.#btf, type.id)', 'what stands in front of it is counted before'],
  ['src/btf/codec.ts', 'has no values', 'what has no values has no size, which is asked for before'],
  [
    'src/btf/codec.ts',
    'throw new BtfError(',
    'a bitfield of another kind is refused when its struct is read',
  ],
  ['src/btf/datasec.ts', 'not a datasec', 'of ids that a caller makes up'],
  ['src/btf/datasec.ts', 'throw new BtfError(', 'of numbers that a caller makes up'],
]

const root = fileURLToPath(new URL('../../', import.meta.url))
const { BPFPIN_TEST_BUILT: _, ...env } = process.env
const program = fileURLToPath(new URL('malformed-guards.ts', import.meta.url))
const { stdout, stderr, status } = spawnSync(
  process.execPath,
  ['--import', './test/ts-hook.mjs', '--enable-source-maps', program],
  { cwd: root, encoding: 'utf8', env, maxBuffer: 2 ** 26 },
)
assert.is(status, 0, stderr)
// malformed-guards.ts wrote it
const { guards, said } = JSON.parse(stdout) as { guards: readonly Guard[]; said: readonly Said[] }

test('every malformed file is refused, by errors with a place only', () => {
  for (const { name, errors } of said) {
    assert.ok(errors.length > 0, `${name} is not refused`)
    for (const error of errors) {
      if (error.name === 'BpfError') continue // a value that does not fit its type
      assert.match(error.name, /^(Elf|Btf)Error$/, name)
      assert.ok(typeof error.where === 'string' && error.where !== '', `${name}: ${error.message}`)
    }
  }
})

test('every guard of the rooms that read files has a file that it refuses', () => {
  const met = new Set(said.flatMap(({ guards }) => guards))
  const lacking = guards.filter(({ place }) => !met.has(place))
  const excused = lacking.filter(isExcused)
  const rest = lacking.filter(guard => !isExcused(guard))
  console.log(
    `| ${guards.length} guards, ${said.length} files, ${excused.length} guards that no file can meet`,
  )
  assert.equal(
    rest.map(({ place, line }) => `${place}: ${line}`),
    [],
    'guards without a file: see test/fuzz/make-malformed.ts',
  )
  assert.ok(guards.length > 150, 'the guards are found')
})

function isExcused({ place, line }: Guard): boolean {
  return without.some(([file, part]) => place.startsWith(`${file}:`) && line.includes(part))
}

test('no guard is excused that a file meets', () => {
  const met = new Set(said.flatMap(({ guards }) => guards))
  for (const [file, part] of without) {
    const named = guards.filter(({ place, line }) => place.startsWith(`${file}:`) && line.includes(part))
    assert.ok(
      named.some(({ place }) => !met.has(place)),
      `${file}: ${part}`,
    )
  }
})

test.run()
