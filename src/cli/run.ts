import { readFileSync } from 'node:fs'
import { didYouMean } from '../btf/near.ts'
import { BpfError } from '../errors.ts'
import { type ExitCode, exitCodes } from './command.ts'
import { readRequest, UsageError } from './command-line.ts'
import { commands } from './commands.ts'
import { type Declared, declared } from './declarations.ts'
import { type Attempt, describeFailure } from './failure.ts'
import { commandHelp, generalHelp } from './help.ts'
import { type Output, openOutput, printFailure, surviveClosedPipes } from './output.ts'

/** Runs the command line `bpfpin ...args`; the result is the exit code. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  surviveClosedPipes()
  const output = openOutput(args.includes('--json'))
  const [name, ...rest] = args
  try {
    if (name === undefined) {
      process.stderr.write(`${generalHelp(process.stderr.columns)}\n`)
      return exitCodes.wrongUsage
    }
    if (name === '--help' || name === '-h') output.print([generalHelp(output.width)])
    else if (name === '--version') output.print([version()])
    else return await runCommand(name, rest, output)
    return exitCodes.done
  } catch (error) {
    return fail(
      error,
      { purpose: 'read the command line', advice: {}, hint: undefined, verbose: false },
      output,
    )
  }
}

async function runCommand(name: string, args: readonly string[], output: Output): Promise<ExitCode> {
  const command = await loadCommand(name)
  if (wantsHelp(args)) {
    output.print([commandHelp(command, output.width)])
    return exitCodes.done
  }
  const request = readRequest(command, args)
  try {
    return await command.run(request, output, args)
  } catch (error) {
    const { operands, options } = request
    const about = { purpose: command.purpose(operands[0] ?? ''), advice: command.advice ?? {} }
    const hint = error instanceof BpfError ? command.hintFor?.(error, args) : undefined
    return fail(error, { ...about, hint, verbose: options.verbose === true }, output)
  }
}

async function loadCommand(name: string): Promise<Declared> {
  const command = await declared(name)
  if (command) return command
  const problem = name.startsWith('-')
    ? `'${name}' stands where the command should: options come behind it`
    : `there is no command '${name}'${didYouMean(name, Object.keys(commands))}`
  throw new UsageError(problem, '--help')
}

/** Help is given whatever else is wrong. */
function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).some(arg => arg === '--help' || arg === '-h')
}

function fail(error: unknown, attempt: Attempt, output: Output): ExitCode {
  const { lines, document, exitCode } = describeFailure(error, attempt)
  printFailure(lines)
  if (output.json) output.document({ error: document })
  return exitCode
}

function version(): string {
  // both src/cli and dist/cli are two below the package
  const path = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
