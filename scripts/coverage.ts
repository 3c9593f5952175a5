// `npm run coverage`: which lines of the rooms that read what others wrote their own tests run, by V8's counts. Fails below
// 97 % of the lines of all together; prints the lines of each file that no test runs. It takes a minute and a half.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const rooms = ['src/elf', 'src/btf', 'src/parser']
const least = 97

/** What node writes for NODE_V8_COVERAGE, as far as it is used. */
interface Counts {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number
        readonly endOffset: number
        readonly count: number
      }[]
    }[]
  }[]
  readonly 'source-map-cache'?: Readonly<
    Record<
      string,
      { readonly lineLengths: readonly number[]; readonly data: ConstructorParameters<typeof SourceMap>[0] }
    >
  >
}

/** Which characters of a file, as it is run, were run, and how they are told from lines of its source. */
interface Run {
  readonly characters: Uint8Array
  readonly lineLengths: readonly number[]
  readonly map: SourceMap
}

/** What a room above asks of layouts: comparisons by the pairs of test/pairs, flavours by CO-RE. */
const others = ['plan/pairs', 'plan/verdict', 'spec/core', 'spec/spec', 'fuzz/overlap']
const tests = ['elf', 'btf', 'parser'].flatMap(room =>
  readdirSync(join(root, 'test', room))
    .filter(name => name.endsWith('.test.ts') && !name.includes('.kernel.'))
    .map(name => [join(root, 'test/runner/child.mjs'), join(root, 'test', room, name)]),
)
tests.push(
  ...others.map(name => [join(root, 'test/runner/child.mjs'), join(root, 'test', `${name}.test.ts`)]),
)
const places = mkdtempSync(join(tmpdir(), 'bpfpin-coverage-'))
try {
  for (const program of [...tests, [join(root, 'test/fuzz/malformed-guards.ts')]]) await run(program)
  process.exitCode = report(collect()) < least ? 1 : 0
} finally {
  rmSync(places, { recursive: true })
}

/** On the sources, as only these have maps. */
function run(program: readonly string[]): Promise<void> {
  const { BPFPIN_TEST_BUILT: _, ...env } = process.env
  const hook = join(root, 'test/ts-hook.mjs')
  const child = spawn(process.execPath, ['--import', hook, '--enable-source-maps', ...program], {
    cwd: root,
    // the runner's child reports on descriptor 3
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...env, NODE_V8_COVERAGE: places },
  })
  child.stdio[3]?.on('data', () => {}) // that some test failed is not the matter here
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`${program.at(-1)} ended with code ${code}`))
    })
  })
}

function collect(): Map<string, Run> {
  const runs = new Map<string, Run>()
  for (const name of readdirSync(places)) {
    // node wrote it
    const counts = JSON.parse(readFileSync(join(places, name), 'utf8')) as Counts
    for (const { url, functions } of counts.result) {
      const file = url.startsWith('file:') ? fileURLToPath(url).slice(root.length) : ''
      const source = counts['source-map-cache']?.[url]
      if (!rooms.some(room => file.startsWith(`${room}/`)) || !source) continue
      const length = source.lineLengths.reduce((sum, one) => sum + one + 1, 0)
      const { characters } = runs.get(file) ?? { characters: new Uint8Array(length) }
      const now = new Uint8Array(length)
      // inner ranges come after those that they are in
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges)
          now.fill(count > 0 ? 1 : 0, startOffset, endOffset)
      }
      for (const [i, was] of now.entries()) if (was === 1) characters[i] = 1
      runs.set(file, { characters, lineLengths: source.lineLengths, map: new SourceMap(source.data) })
    }
  }
  return runs
}

/** -> per cent of all lines */
function report(runs: ReadonlyMap<string, Run>): number {
  let [all, reached] = [0, 0]
  for (const [file, one] of [...runs].sort()) {
    const lines = linesOf(one)
    const missed = [...lines].filter(([, was]) => !was).map(([line]) => line)
    all += lines.size
    reached += lines.size - missed.length
    if (missed.length > 0) console.log(`${file}: ${missed.sort((a, b) => a - b).join(' ')}`)
  }
  const share = (100 * reached) / Math.max(1, all)
  console.log(`${reached} of ${all} lines in ${runs.size} files: ${share.toFixed(2)} %, at least ${least} %`)
  return share
}

/** Lines of the source that have code: was any of it run? */
function linesOf({ characters, lineLengths, map }: Run): Map<number, boolean> {
  const lines = new Map<number, boolean>()
  let offset = 0
  for (const [line, length] of lineLengths.entries()) {
    for (let column = 0; column < length; column++) {
      const entry = map.findEntry(line, column)
      if (!('originalLine' in entry)) continue
      const before = lines.get(entry.originalLine + 1) ?? false
      lines.set(entry.originalLine + 1, before || characters[offset + column] === 1)
    }
    offset += length + 1
  }
  return lines
}
