import { commonOptions, type Option } from '../../src/cli/command.ts'
import { type Declared, usageOf } from '../../src/cli/declarations.ts'
import { description, environment, exitCodes, files, jsonRules, summary } from './facts.ts'
import { partsOf } from './paragraphs.ts'

/** bpfpin(1), in the macros of man(7). */
export function manualPage(commands: readonly Declared[]): string {
  return [
    '.\\" Made by scripts/reference.ts; not edited by hand.',
    '.TH BPFPIN 1 "" bpfpin "User Commands"',
    '.SH NAME',
    `bpfpin \\- ${escaped(summary)}`,
    '.SH SYNOPSIS',
    '.B bpfpin',
    '.I COMMAND',
    '.RI [ OPTION ]...',
    '.SH DESCRIPTION',
    ...prose(description),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH "OPTIONS OF ALL COMMANDS"',
    ...optionLines({ ...commonOptions, version: { text: 'print the version; without a command' } }),
    '.PP',
    ...prose(jsonRules),
    '.SH "EXIT STATUS"',
    ...tagged(exitCodes),
    '.SH ENVIRONMENT',
    ...tagged(environment),
    '.SH FILES',
    ...tagged(files),
    '.SH "SEE ALSO"',
    '.BR bpf (2),',
    '.BR bpftool (8),',
    '.BR capabilities (7)',
    '',
  ].join('\n')
}

function commandLines(command: Declared): string[] {
  return [
    `.SS "bpfpin ${escaped(usageOf(command.name, command))}"`,
    ...partsOf(command.details).flatMap((part, i) => [
      ...(i > 0 ? ['.PP'] : []),
      ...(part.kind === 'text' ? prose(part.text) : ['.nf', '.RS', ...part.lines.map(lineOf), '.RE', '.fi']),
    ]),
    ...optionLines(command.options),
  ]
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  return Object.entries(options).flatMap(([name, { value, text }]) => {
    const flag = escaped(`--${name}`)
    const head = value === undefined ? `.B ${flag}` : `.BI ${flag} " ${escaped(value)}"`
    return ['.TP', head, lineOf(text)]
  })
}

function tagged(entries: readonly (readonly [string, string])[]): string[] {
  return entries.flatMap(([head, text]) => ['.TP', `.B "${escaped(head)}"`, ...prose(text)])
}

/** Text in lines of a fair length, as mandoc and editors like it. */
function prose(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= 78) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map(lineOf)
}

/** groff_char(7): what would be an escape, a hyphen or a typographic quote is what it looks like. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
}

/** A line that begins like a request is none. */
function lineOf(text: string): string {
  return escaped(text).replace(/^[.]/, '\\&.')
}
