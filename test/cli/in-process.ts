import { readRequest } from '../../src/cli/command-line.ts'
import { declared } from '../../src/cli/declarations.ts'
import { describeFailure } from '../../src/cli/failure.ts'
import { toJson } from '../../src/cli/json.ts'
import { BpfError } from '../../src/errors.ts'
import type { Run } from './bpfpin.ts'

/** As `bpfpin()`, without the time that a process takes to start: for tests that call it a hundred times. */
export async function inProcess(name: string, ...args: string[]): Promise<Run> {
  const command = (await declared(name))!
  const request = readRequest(command, args)
  const out: string[] = []
  const err: string[] = []
  const text = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('')
  try {
    const output = {
      json: request.options.json === true,
      width: undefined,
      paint: (_: unknown, text: string) => text,
      print: (lines: readonly string[]) => out.push(...lines),
      document: (value: unknown) => out.push(...toJson(value)),
      note: (text: string) => err.push(text),
    }
    const code = await command.run(request, output, args)
    return { code, stdout: text(out), stderr: text(err) }
  } catch (error) {
    const hint = error instanceof BpfError ? command.hintFor?.(error, args) : undefined
    const purpose = command.purpose(request.operands[0] ?? '')
    const { lines, exitCode } = describeFailure(error, { purpose, advice: {}, hint, verbose: false })
    return { code: exitCode, stdout: text(out), stderr: text([...err, ...lines]) }
  }
}
