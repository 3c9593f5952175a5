import { commonOptions, type Option } from '../../src/cli/command.ts'
import { type Declared, usageOf } from '../../src/cli/declarations.ts'
import { description, environment, exitCodes, files, jsonRules } from './facts.ts'
import { partsOf } from './paragraphs.ts'

/** docs/cli.md */
export function markdownPage(commands: readonly Declared[]): string {
  const toc = commands.map(({ name, summary }) => `| [\`${name}\`](#bpfpin-${name}) | ${inText(summary)} |`)
  return [
    '# The command-line tool',
    '',
    '<!-- Made by scripts/reference.ts from what the commands say of themselves; not edited by hand. -->',
    '',
    inText(description),
    '',
    '| command | does |',
    '|---|---|',
    ...toc,
    '',
    ...commands.flatMap(commandLines),
    '## Options of all commands',
    '',
    ...optionTable(commonOptions),
    inText(jsonRules),
    '',
    '## Exit codes',
    '',
    ...table(['code', 'means'], exitCodes),
    '## Environment',
    '',
    ...table(['variable', 'means'], environment),
    '## Files',
    '',
    ...table(['path', 'what it is'], files),
    'The same as a manual page: `man -l man/bpfpin.1`.',
    '',
  ].join('\n')
}

function commandLines(command: Declared): string[] {
  return [
    `## bpfpin ${command.name}`,
    '',
    `\`bpfpin ${usageOf(command.name, command)} [OPTION]...\``,
    '',
    ...partsOf(command.details).flatMap(part =>
      part.kind === 'text' ? [inText(part.text), ''] : ['```sh', ...part.lines, '```', ''],
    ),
    ...optionTable(command.options),
  ]
}

function optionTable(options: Readonly<Record<string, Option>>): string[] {
  const rows = Object.entries(options).map(
    ([name, { value, text }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, text] as const,
  )
  return rows.length === 0 ? [] : table(['option', 'means'], rows)
}

function table(head: readonly string[], rows: readonly (readonly [string, string])[]): string[] {
  return [
    `| ${head.join(' | ')} |`,
    '|---|---|',
    ...rows.map(([name, text]) => `| \`${name.replaceAll('|', '\\|')}\` | ${inText(text)} |`),
    '',
  ]
}

/** What Markdown would take for markup is text. */
function inText(text: string): string {
  return text.replace(/[*_<>|`[\]]/g, '\\$&')
}
