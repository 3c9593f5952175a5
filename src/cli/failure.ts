import { BpfError, BtfError, ElfError, VerifierError } from '../errors.ts'
import { PinMismatchError, verdictText } from '../plan/verdict.ts'
import { type ExitCode, exitCodes } from './command.ts'
import { UsageError } from './command-line.ts'
import { verdictDocument } from './differences.ts'

/** An error as the tool reports it. */
export interface Failure {
  /** What could not be done, why, and what to do. */
  readonly lines: readonly string[]
  /** The same for `--json`. */
  readonly document: Readonly<Record<string, unknown>>
  readonly exitCode: ExitCode
}

/** What was being done when an error was thrown. */
export interface Attempt {
  /** As it stands in `cannot ...`. */
  readonly purpose: string
  /** What to try after an error with this code that does not say it by itself. */
  readonly advice: Readonly<Record<string, string>>
  /** What to do, where the command knows. */
  readonly hint?: string | undefined
  /** Show all of a verifier log. */
  readonly verbose: boolean
}

/** So much of a verifier log is shown unless all of it is wanted. */
const tailLength = 12

export function describeFailure(error: unknown, attempt: Attempt): Failure {
  const { purpose, advice, verbose } = attempt
  const exitCode = codeOf(error)
  if (!(error instanceof BpfError)) {
    // not thrown on purpose: where it came from is all that helps
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const message = error instanceof Error ? error.message : text
    return {
      lines: [`cannot ${purpose}`, `this is a bug in bpfpin: ${text}`],
      document: { code: 'ERR_INTERNAL', message },
      exitCode,
    }
  }
  const hint = attempt.hint ?? hintOf(error) ?? advice[error.code]
  const todo = hint === undefined ? [] : [hint]
  const what = error instanceof UsageError ? error.message : `cannot ${purpose}`
  return { lines: [what, ...reasonsOf(error, verbose), ...todo], document: documentOf(error, hint), exitCode }
}

/** Nothing was done, as something would be lost. */
const refusals: ReadonlySet<string> = new Set(['ERR_PIN_MISMATCH', 'ERR_GAP', 'ERR_MAP_SHARED'])

function codeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.wrongUsage
  const isRefused = error instanceof BpfError && refusals.has(error.code)
  return isRefused ? exitCodes.refused : exitCodes.failed
}

function reasonsOf(error: BpfError, verbose: boolean): string[] {
  if (error instanceof UsageError) return []
  if (error instanceof PinMismatchError) return error.verdicts.map(verdictText)
  if (error instanceof VerifierError) return [error.message, ...logLines(error.log, verbose)]
  return [error.message]
}

function logLines(log: string, verbose: boolean): string[] {
  const lines = log.trimEnd().split('\n')
  if (verbose || lines.length <= tailLength) return lines.map(line => `| ${line}`)
  const above = `the last ${tailLength} of ${lines.length} lines of its log; --verbose shows all`
  return [above, ...lines.slice(-tailLength).map(line => `| ${line}`)]
}

function hintOf(error: BpfError): string | undefined {
  if (!(error instanceof PinMismatchError)) return error.hint
  return 'nothing was changed; unpin the old one, whose data is lost then, or pin this one beside it with --name'
}

/** What a program may want to know: the fields that the error has. */
function documentOf(error: BpfError, hint: string | undefined): Record<string, unknown> {
  const { code, message, errno, syscall, path } = error
  const fields: Record<string, unknown> = { code, message, hint, errno, syscall, path }
  if (error instanceof ElfError || error instanceof BtfError) fields.where = error.where
  if (error instanceof VerifierError) Object.assign(fields, { program: error.program, log: error.log })
  if (error instanceof PinMismatchError) fields.verdicts = error.verdicts.map(verdictDocument)
  return fields
}
