import { type Command, exitCodes } from './command.ts'
import { UsageError } from './command-line.ts'
import { declarations } from './declarations.ts'

export const completion: Command = {
  options: {},
  details: [
    'Prints a script for SHELL, which is bash, zsh or fish. It completes commands, options and their values, files, and from',
    'bpffs the names of pinned objects and maps, as far as the directories can be read.',
    '',
    '  bpfpin completion bash > /etc/bash_completion.d/bpfpin',
    '  bpfpin completion zsh > /usr/local/share/zsh/site-functions/_bpfpin',
    '  bpfpin completion fish > ~/.config/fish/completions/bpfpin.fish',
    '',
    'With --json: {shell, script}.',
  ].join('\n'),
  purpose: operand => `print a completion script for '${operand}'`,
  async run({ operands: [shell = ''] }, output) {
    const { completionScripts } = await import('./completion-scripts.ts')
    const make = Object.hasOwn(completionScripts, shell) ? completionScripts[shell] : undefined
    if (!make) {
      const shells = Object.keys(completionScripts).join(', ')
      throw new UsageError(
        `completion: there are scripts for ${shells}, not for '${shell}'`,
        'completion --help',
      )
    }
    const script = make(await declarations())
    if (output.json) output.document({ shell, script })
    else output.print(script.trimEnd().split('\n'))
    return exitCodes.done
  },
}
