import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A place in the sources where something is refused. */
export interface Guard {
  /** `src/elf/headers.ts:59` */
  readonly place: string
  /** The line as it is there. */
  readonly line: string
  /** Where messages stand in a table, and one line throws them all: what the message looks like. */
  readonly message?: RegExp
}

/** The rooms that read what others wrote, and nothing else. */
export const rooms: readonly string[] = ['src/elf', 'src/btf', 'src/parser']

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * All guards of some rooms: where an ElfError or BtfError is made, where a function that only refuses is called, and each
 * message of a function or table of problems.
 */
export function guardsIn(rooms: readonly string[]): Guard[] {
  return rooms.flatMap(room =>
    readdirSync(`${root}${room}`)
      .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.endsWith('.generated.ts'))
      .flatMap(name => guardsOf(`${room}/${name}`, readFileSync(`${root}${room}/${name}`, 'utf8'))),
  )
}

/** Functions that never return, or return the error to be thrown. */
const refusing = /^function (\w+)\((?:[^)]|\n)*?\): (?:never|ElfError|BtfError) \{/gm

function guardsOf(file: string, source: string): Guard[] {
  const names = Array.from(source.matchAll(refusing), ([, name]) => name!)
  const call = new RegExp(`new (?:Elf|Btf)Error\\(|(?<!function )\\b(?:${['fail', ...names].join('|')})\\(`)
  const isTable = new Set(linesOfTables(source))
  return source.split('\n').flatMap((line, i): Guard[] => {
    const guard = { place: `${file}:${i + 1}`, line: line.trim() }
    if (/^\s*(?:\/\/|\*|\/\*)|^function /.test(line)) return []
    if (isTable.has(i)) {
      const message = messageIn(line)
      return message ? [{ ...guard, message }] : []
    }
    return call.test(line) ? [guard] : []
  })
}

/** Indexes of the lines of functions that give the words of a problem, and of tables of such. */
function linesOfTables(source: string): number[] {
  const lines = source.split('\n')
  const found: number[] = []
  let end: string | undefined
  for (const [i, line] of lines.entries()) {
    if (/^function \w+Problem\(/.test(line)) end = '}'
    if (/^ {2}const problems: /.test(line)) end = '  }'
    if (end !== undefined) found.push(i)
    if (line === end) end = undefined
  }
  return found
}

/** The last text of a line, whatever stands for its `${}`. */
function messageIn(line: string): RegExp | undefined {
  const text = line.match(/(?:`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*')(?=[^`']*$)/)?.[0]
  if (text === undefined || !/return |: \[/.test(line)) return undefined
  const parts = text.slice(1, -1).split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/)
  return new RegExp(parts.map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'))
}
