import { columns } from './columns.ts'
import type { Command, Option } from './command.ts'
import { commonOptions } from './command.ts'
import { declarations, usageOf } from './declarations.ts'
import { reflowed } from './wrap.ts'

/** What `bpfpin --help` prints. */
export async function generalHelp(width?: number): Promise<string> {
  const rows = (await declarations()).map(command => [`  ${usageOf(command)}`, command.summary])
  return [
    reflowed(
      'Loads BPF objects, pins them as a whole on bpffs, finds them again, and upgrades them in place.',
      width,
    ),
    '',
    'usage: bpfpin COMMAND [OPTION]...',
    '',
    ...columns(rows, undefined, width),
    '',
    ...optionLines({ ...commonOptions, version: { text: 'print the version' } }, width),
    '',
    "bpfpin COMMAND --help shows a command's own options.",
    reflowed('exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused because something would be lost', width),
  ].join('\n')
}

/** What `bpfpin NAME --help` prints. */
export function commandHelp(name: string, command: Command, width?: number): string {
  return [
    `usage: bpfpin ${usageOf({ ...command, name })} [OPTION]...`,
    '',
    reflowed(command.details, width),
    '',
    ...optionLines({ ...command.options, ...commonOptions }, width),
  ].join('\n')
}

function optionLines(options: Readonly<Record<string, Option>>, width: number | undefined): string[] {
  return columns(
    Object.entries(options).map(([name, { value, short, text }]) => [
      `  ${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
      text,
    ]),
    undefined,
    width,
  )
}
