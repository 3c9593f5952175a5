import { columns } from './columns.ts'
import { commonOptions, type Option } from './command.ts'
import { commands } from './commands.ts'
import { type Declared, usageOf } from './declarations.ts'
import { reflowed } from './wrap.ts'

/** What `bpfpin --help` prints. */
export function generalHelp(width?: number): string {
  const rows = Object.entries(commands).map(([name, listed]) => [
    `  ${usageOf(name, listed)}`,
    listed.summary,
  ])
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
export function commandHelp(command: Declared, width?: number): string {
  return [
    `usage: bpfpin ${usageOf(command.name, command)} [OPTION]...`,
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
