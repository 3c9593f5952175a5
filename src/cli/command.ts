import type { BpfError } from '../errors.ts'
import type { Output } from './output.ts'

/** An option as help shows it and the command line is checked against it. */
export interface Option {
  /** What stands behind it: `DIR`; without one the option is a switch. */
  readonly value?: string
  readonly text: string
  /** All that can stand behind it, where that is few words: what shells complete. */
  readonly words?: readonly string[]
  /** One letter that means the same: `o` for `-o`. */
  readonly short?: string
  /** May be there more than once, each with a value of its own. */
  readonly isRepeatable?: boolean
}

/** What a command wants behind its options: `OBJECT`. */
export interface Operand {
  readonly name: string
  readonly isOptional?: boolean
  /** The last one: more of the kind may follow. */
  readonly isRepeatable?: boolean
}

/** What a command was asked for, checked. */
export interface Request {
  /** In the order of the command's operands; one that is optional may be missing. */
  readonly operands: readonly string[]
  /** Values of options by name; a switch that is on has the value `true`. */
  readonly options: Readonly<Record<string, string | true | undefined>>
  /** Values of the options that may be repeated, in their order. */
  readonly repeated: Readonly<Record<string, readonly string[] | undefined>>
  /** Directory on bpffs, absolute. */
  readonly root: string
}

export interface Command {
  /** Besides those that every command takes. */
  readonly options: Readonly<Record<string, Option>>
  /** Paragraphs for the command's own help. */
  readonly details: string
  /** What to try after an error with this code that does not say it by itself. */
  readonly advice?: Readonly<Record<string, string>>
  /** What it does, as it stands in `cannot ...`. */
  purpose(operand: string): string
  /**
   * Does it. What it throws decides the exit code, too.
   *
   * @param args of the command line, as they were given
   */
  run(request: Request, output: Output, args: readonly string[]): ExitCode | Promise<ExitCode>
  /** What to do after an error, where the command knows better than the error. */
  hintFor?(error: BpfError, args: readonly string[]): string | undefined
}

const notAnObject = 'OBJECT must be what clang makes with -target bpf -c'

/** Said where a file cannot be written. */
export const notWritable = 'its directory must be there, and be one that may be written to'

/** Of commands that read OBJECT. */
export const objectAdvice: Readonly<Record<string, string>> = { ERR_ELF: notAnObject, EISDIR: notAnObject }

export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  /** What is pinned does not fit. */
  refused: 3,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Options of all commands. */
export const commonOptions: Readonly<Record<string, Option>> = {
  root: { value: 'DIR', text: 'directory on bpffs, default /sys/fs/bpf' },
  json: { text: 'print one JSON document on stdout' },
  help: { text: 'print this help' },
}
