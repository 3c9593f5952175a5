import { BpfError } from '../errors.ts'
import { type RootWatcher, watchRoot } from '../pin/index.ts'

import { type ExitCode, exitCodes, type Option, type Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { toJsonLine } from './json.ts'
import type { Output } from './output.ts'
import { untilEnd } from './until-end.ts'

/** Of commands that can go on showing what they show. */
export const watchOptions: Readonly<Record<string, Option>> = {
  watch: { text: 'show it again whenever it changes, until interrupted' },
  interval: { value: 'SECONDS', text: 'how often to look for a change with --watch, default 1' },
}

/** What is watched, besides looking again and again. */
interface Watched {
  /** The command, for errors. */
  readonly command: string
  readonly request: Request
  /** Shows it once. */
  show(output: Output): ExitCode
}

/**
 * Shows something once, or with `--watch` again at each change: in place on a terminal, one below the other elsewhere, with `--json` as one line
 * of JSON each. SIGINT and SIGTERM end it, and so does a reader that closes the pipe: exit code 0.
 *
 * @throws UsageError for an interval that is none; what `show` throws the first time. Later errors are shown and the
 * watching goes on: what was unpinned may come back.
 */
export async function showOrWatch(watched: Watched, output: Output): Promise<ExitCode> {
  const { request, command, show } = watched
  const interval = readInterval(command, request)
  if (request.options.watch !== true) return show(output)
  const screen = new Screen(output)
  let picture: Picture | undefined
  const look = (): void => {
    picture = picture ? pictureOrError(show, output) : pictureOf(show, output)
    screen.draw(picture)
  }
  await untilEnd(interval, look, changed => watchNames(request.root, changed))
  return exitCodes.done
}

/** Milliseconds. */
function readInterval(command: string, { options: { interval, watch } }: Request): number {
  if (interval === undefined) return 1000
  const help = `${command} --help`
  if (watch === undefined) throw new UsageError(`${command}: option '--interval' goes with --watch`, help)
  const seconds = Number(interval)
  if (/^\d+(\.\d+)?$/.test(String(interval)) && seconds >= 0.1 && seconds <= 86_400) return seconds * 1000
  throw new UsageError(
    `${command}: option '--interval' takes a number of seconds, 0.1 or more, not '${interval}'`,
    help,
  )
}

/** What was printed at one time. */
interface Picture {
  readonly lines: readonly string[]
  readonly notes: readonly string[]
}

function pictureOf(show: Watched['show'], { json, paint, width }: Output): Picture {
  const lines: string[] = []
  const notes: string[] = []
  show({
    ...{ json, paint, width },
    // not spread: there may be more lines than a call takes arguments
    print: printed => {
      for (const line of printed) for (const part of line.split('\n')) lines.push(part)
    },
    document: value => void lines.push(toJsonLine(value)),
    note: text => void notes.push(text),
  })
  return { lines, notes }
}

function pictureOrError(show: Watched['show'], output: Output): Picture {
  try {
    return pictureOf(show, output)
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    const { code, message } = error
    return output.json
      ? { lines: [toJsonLine({ error: { code, message } })], notes: [] }
      : { lines: [], notes: [message] }
  }
}

/** Where pictures are drawn, if they are not what is there already. */
class Screen {
  readonly #output: Output
  #last: Picture | undefined

  constructor(output: Output) {
    this.#output = output
    process.stdout.on('resize', () => {
      this.#last = undefined
    })
  }

  draw(picture: Picture): void {
    const { lines, notes } = picture
    const isFirst = this.#last === undefined
    if (this.#last && isSame(this.#last, picture)) return
    this.#last = picture
    if (process.stdout.isTTY && !this.#output.json) {
      drawInPlace([...lines, ...notes.map(note => this.#output.paint('yellow', note))], isFirst)
      return
    }
    for (const note of notes) this.#output.note(note)
    // pictures stand apart; a line of JSON is one by itself
    this.#output.print(isFirst || this.#output.json ? lines : ['', ...lines])
  }
}

function isSame(a: Picture, b: Picture): boolean {
  const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((line, i) => line === b[i])
  return isEqual(a.lines, b.lines) && isEqual(a.notes, b.notes)
}

/** By the control sequences that all terminals have (ECMA-48: CUP, EL, ED). What does not fit is counted. */
function drawInPlace(lines: readonly string[], isFirst: boolean): void {
  const rows = Math.max((process.stdout.rows ?? 24) - 1, 2)
  const fits = lines.length <= rows
  const shown = fits ? lines : [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} lines more`]
  const clear = isFirst ? '\x1b[2J' : ''
  process.stdout.write(`${clear}\x1b[H${shown.map(line => `${line}\x1b[K\n`).join('')}\x1b[J`)
}

/** `undefined` where there is nothing to watch, or it must not be: the interval is enough then. */
function watchNames(root: string, onChange: () => void): RootWatcher | undefined {
  try {
    return watchRoot(root, { onChange, onError: () => undefined })
  } catch (error) {
    if (!(error instanceof BpfError)) throw error
    return undefined
  }
}
