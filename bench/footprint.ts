import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Built, built } from './built.ts'
import type { Contestants } from './contestant.ts'
import { largestTool } from './core-load.ts'
import { wholeProcess } from './processes.ts'
import type { Effort, Place, Row } from './row.ts'

/** What the library costs a process that imports it, in time, size and memory. */
export function footprintRows(contestants: Contestants, { scratch }: Place, effort: Effort): Row[] {
  return [
    importRow(contestants, scratch, effort, 'installed'),
    importRow(contestants, scratch, effort, 'bundled'),
    sizeRow('bundle size', scratch, 'librarySize'),
    sizeRow('bundle size (at import)', scratch, 'importedSize'),
    memoryRow(contestants, scratch, effort, { name: 'memory (open)', ours: ['open', largestTool] }),
    memoryRow(contestants, scratch, effort, { name: 'memory (vmlinux-btf)', ours: ['vmlinux'] }),
  ]
}

/** `import 'bpfpin'`, in milliseconds that a process takes longer than one of bare node. */
function importRow(
  contestants: Contestants,
  scratch: string,
  { processRounds }: Effort,
  way: keyof Pick<Built, 'installed' | 'bundled'>,
): Row {
  const took = wholeProcess(contestants)
  return {
    ...{ name: `import (${way})`, unit: 'ms', warmUps: 1, rounds: processRounds },
    ours: async () => {
      const { [way]: directory } = await built(scratch)
      const bare = await took(process.execPath, join(directory, 'nothing.mjs'))
      return (await took(process.execPath, join(directory, 'import.mjs'))) - bare
    },
    libbpf: null,
    floor: null,
  }
}

function sizeRow(name: string, scratch: string, what: 'librarySize' | 'importedSize'): Row {
  return {
    ...{ name, unit: 'KB', warmUps: 0, rounds: 1 },
    ours: async () => (await built(scratch))[what] / 1000,
    libbpf: null,
    floor: null,
  }
}

/** Memory of a process that holds what it made, less that of one that made nothing: bare node, and for libbpf a bare process. */
function memoryRow(
  contestants: Contestants,
  scratch: string,
  { rounds }: Effort,
  { name, ours: [what, ...files] }: { readonly name: string; readonly ours: readonly [string, ...string[]] },
): Row {
  const bytes = (...[program, ...args]: readonly [string, ...string[]]): number =>
    Number(execFileSync(program, args, { encoding: 'utf8' }))
  return {
    ...{ name, unit: 'MB', warmUps: 0, rounds },
    ours: async () => {
      const script = join((await built(scratch)).bundled, 'rss.mjs')
      const node = process.execPath
      return (bytes(node, script, what, ...files) - bytes(node, script, '-')) / 1e6
    },
    libbpf: () => {
      const peer = contestants.program('btf')
      return (bytes(peer, `rss-${what}`, ...files) - bytes(peer, '-')) / 1e6
    },
    floor: null,
  }
}
