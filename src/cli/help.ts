import { columns } from './columns.ts'
import type { Command, Option } from './command.ts'
import { commonOptions } from './command.ts'
import { declarations, usageOf } from './declarations.ts'

/** What `bpfpin --help` prints. */
export async function generalHelp(): Promise<string> {
  const rows = (await declarations()).map(command => [`  ${usageOf(command)}`, command.summary])
  return [
    'Loads BPF objects, pins them as a whole on bpffs, finds them again, and upgrades them in place.',
    '',
    'usage: bpfpin COMMAND [OPTION]...',
    '',
    ...columns(rows),
    '',
    ...optionLines({ ...commonOptions, version: { text: 'print the version' } }),
    '',
    "bpfpin COMMAND --help shows a command's own options.",
    'exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused because something would be lost',
  ].join('\n')
}

/** What `bpfpin NAME --help` prints. */
export function commandHelp(name: string, command: Command): string {
  return [
    `usage: bpfpin ${usageOf({ ...command, name })} [OPTION]...`,
    '',
    command.details,
    '',
    ...optionLines({ ...command.options, ...commonOptions }),
  ].join('\n')
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  return columns(
    Object.entries(options).map(([name, { value, short, text }]) => [
      `  ${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
      text,
    ]),
  )
}
