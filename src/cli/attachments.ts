import type { Collection } from '../api/collection.ts'
import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { plannedLinks } from '../link/index.ts'
import { parseTarget } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { UsageError } from './command-line.ts'

/** What `--attach PROGRAM=TARGET` asks for, `--attach PROGRAM~LABEL=TARGET` for one of several targets. */
export interface Attachment {
  /** `PROGRAM` or `PROGRAM~LABEL`. */
  readonly link: string
  readonly target: string
}

/** @throws UsageError for text that is no attachment, and for one that is there twice. */
export function readAttachments(command: string, texts: readonly string[]): Attachment[] {
  const attachments = texts.map(text => {
    const equals = text.indexOf('=')
    if (equals > 0 && equals < text.length - 1) {
      return { link: text.slice(0, equals), target: text.slice(equals + 1) }
    }
    throw wrongUsage(command, `option '--attach' takes PROGRAM=TARGET, as in on_xdp=eth0, not '${text}'`)
  })
  const names = attachments.map(({ link }) => link)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice === undefined) return attachments
  throw wrongUsage(
    command,
    `'${twice}' is to be attached twice; several targets of one program are PROGRAM~LABEL=TARGET`,
  )
}

/**
 * Gives programs the targets that were asked for. One that is named is also loaded and attached where it would not be
 * by itself.
 *
 * @throws UsageError for a program that the object does not have, and for text that is no target of its program.
 */
export function applyAttachments(
  command: string,
  programs: Collection<ProgramSpec>,
  attachments: readonly Attachment[],
): void {
  for (const { link, target } of attachments) {
    const { program, label } = findProgram(command, programs, link)
    try {
      const place = parseTarget(program, target)
      if (label === undefined) program.target = place
      else program.targets = { ...program.targets, [label]: place }
      program.autoload = true
      program.autoattach = true
      // a label that cannot be, say
      plannedLinks(program)
    } catch (error) {
      if (!(error instanceof BpfError)) throw error
      throw wrongUsage(command, `${error.message}${error.hint === undefined ? '' : `: ${error.hint}`}`)
    }
  }
}

/** Names of programs may have a `~` in them, too: `hits~1` is the second that is called `hits`. */
function findProgram(
  command: string,
  programs: Collection<ProgramSpec>,
  link: string,
): { readonly program: ProgramSpec; readonly label: string | undefined } {
  const tilde = link.lastIndexOf('~')
  const isWhole = programs.has(link) || tilde < 0
  const name = isWhole ? link : link.slice(0, tilde)
  if (!programs.has(name)) {
    throw wrongUsage(
      command,
      `there is no program '${name}' in the object${didYouMean(name, programs.names())}`,
    )
  }
  return { program: programs.get(name), label: isWhole ? undefined : link.slice(tilde + 1) }
}

function wrongUsage(command: string, problem: string): UsageError {
  return new UsageError(`${command}: ${problem}`, `${command} --help`)
}
