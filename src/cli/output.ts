import { styleText } from 'node:util'
import { toJson } from './json.ts'
import { visible } from './visible.ts'

export type Style = Parameters<typeof styleText>[0]
/** Text in a style, or without where colours are not wanted; in either case such as a terminal can show. */
export type Paint = (style: Style, text: string) => string

/** Where a command prints to. Colour is for terminals only, and never with NO_COLOR in the environment. */
export interface Output {
  /** Is one JSON document wanted, and nothing else? */
  readonly json: boolean
  /** For text on stdout. */
  readonly paint: Paint
  /** Characters in a line of the terminal on stdout; `undefined` where it is none. */
  readonly width: number | undefined
  /** Prints lines on stdout. */
  print(lines: readonly string[]): void
  /** Prints the JSON document on stdout. */
  document(value: unknown): void
  /** Says something besides, on stderr. */
  note(text: string): void
}

export function openOutput(json: boolean): Output {
  return {
    json,
    paint: painterFor(process.stdout),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
    print(lines) {
      if (lines.length > 0) write(process.stdout, lines)
    },
    document(value) {
      write(process.stdout, toJson(value))
    },
    note(text) {
      write(process.stderr, [`${painterFor(process.stderr)('yellow', 'note:')} ${visible(text)}`])
    },
  }
}

/** Node's own check lets lists of styles through (20.20); a terminal that has no colours is asked by `hasColors`, too. */
function painterFor(stream: NodeJS.WriteStream): Paint {
  const hasColors = stream.isTTY && stream.hasColors()
  return (style, text) => {
    const shown = visible(text)
    return hasColors && text !== '' ? styleText(style, shown, { validateStream: false }) : shown
  }
}

/** Text of more than this is written in pieces: one string cannot hold the dump of a large map. */
const pieceLength = 1 << 20

function write(stream: NodeJS.WritableStream, lines: Iterable<string>): void {
  let piece = ''
  for (const line of lines) {
    piece += `${line}\n`
    if (piece.length < pieceLength) continue
    stream.write(piece)
    piece = ''
  }
  if (piece !== '') stream.write(piece)
}

/** Prints an error's lines on stderr, the first one marked. */
export function printFailure([first = '', ...others]: readonly string[]): void {
  const name = painterFor(process.stderr)('red', 'bpfpin:')
  write(process.stderr, [`${name} ${visible(first)}`, ...others.map(line => `  ${visible(line)}`)])
}

/** A reader that has seen enough (`| head`) is no error: what is being done goes on to its end. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return
      if (stream === process.stdout) printFailure([`cannot write to stdout: ${error.message}`])
      process.exit(1)
    })
  }
}
