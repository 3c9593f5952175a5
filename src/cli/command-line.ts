import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { didYouMean } from '../btf/near.ts'
import { BpfError } from '../errors.ts'
import { defaultRoot } from '../plan/names.ts'
import { commonOptions, type Operand, type Option, type Request } from './command.ts'
import type { Declared } from './declarations.ts'

/** The command line asks for something that does not exist. Exit code 2. */
export class UsageError extends BpfError {
  constructor(problem: string, help: string) {
    super(problem, { code: 'ERR_USAGE', hint: `bpfpin ${help} shows what is possible` })
  }

  override get name(): string {
    return 'UsageError'
  }
}

/**
 * Reads what stands behind the name of a command.
 *
 * @throws UsageError for an option that the command does not have, and for too few or too many operands.
 */
export function readRequest(
  { name, operands: wanted, options: own }: Declared,
  args: readonly string[],
): Request {
  const known = { ...commonOptions, ...own }
  const fail = (problem: string): never => {
    throw new UsageError(`${name}: ${problem}`, `${name} --help`)
  }
  const operands: string[] = []
  const options: Record<string, string | true> = {}
  const repeated: Record<string, string[]> = {}
  for (const token of tokensOf(args, known)) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined
    if (!option) return fail(`there is no option '${token.rawName}'${near(token.name, known)}`)
    const problem = valueProblem(option, token)
    if (problem !== undefined) return fail(`option '${token.rawName}' ${problem}`)
    if (option.isRepeatable) (repeated[token.name] ??= []).push(token.value ?? '')
    else options[token.name] = token.value ?? true
  }
  const problem = operandProblem(wanted, operands)
  if (problem !== undefined) return fail(problem)
  const { root = defaultRoot } = options
  return { operands, options, repeated, root: resolve(String(root)) }
}

function operandProblem(wanted: readonly Operand[], given: readonly string[]): string | undefined {
  const missing = wanted.slice(given.length).find(({ isOptional }) => !isOptional)
  if (missing) return `${missing.name} is missing`
  const hasEnd = !wanted.at(-1)?.isRepeatable
  if (hasEnd && given.length > wanted.length) return `'${given[wanted.length]}' is too much`
  // what is repeated are values, and a value may be empty
  const names = hasEnd ? given : given.slice(0, wanted.length)
  return names.includes('') ? 'an empty name says nothing' : undefined
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number]
type OptionToken = Extract<Token, { kind: 'option' }>

/** Node's own strict mode knows no near names and says the rest in words of its own. */
function tokensOf(args: readonly string[], known: Readonly<Record<string, Option>>): readonly Token[] {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  )
  // a negative number is a value: no option begins with a digit
  const hidden = args.map(arg => (/^-\d/.test(arg) ? 'number' : arg))
  const { tokens } = parseArgs({
    args: hidden,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  return tokens.map(token => {
    if (token.kind === 'positional') return { ...token, value: args[token.index] ?? '' }
    if (token.kind !== 'option' || token.value === undefined || token.inlineValue) return token
    return { ...token, value: args[token.index + 1] ?? '' }
  })
}

function valueProblem({ value }: Option, token: OptionToken): string | undefined {
  if (value === undefined) return token.value === undefined ? undefined : 'takes no value'
  if (token.value === undefined || token.value === '') return `needs ${value} behind it`
  if (token.inlineValue || !token.value.startsWith('-')) return undefined
  return `needs ${value} behind it, and '${token.value}' looks like an option`
}

/** `; did you mean '--name'?` */
function near(name: string, known: Readonly<Record<string, Option>>): string {
  return didYouMean(
    `--${name}`,
    Object.keys(known).map(option => `--${option}`),
  )
}
