import { writeFileSync } from 'node:fs'
import { openObject } from '../api/object-spec.ts'
import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { compareSpecs } from '../plan/against.ts'
import { type OnMismatch, onMismatchValues } from '../plan/policy.ts'
import { type Command, type ExitCode, exitCodes, notAnObject } from './command.ts'
import { UsageError } from './command-line.ts'
import type { Output } from './output.ts'
import { planPage } from './plan-page.ts'
import { planLines } from './plan-text.ts'
import { isRefused, type PlanView, planDocument } from './plan-view.ts'

export const plan: Command = {
  summary: 'say what an upgrade would do; changes nothing',
  operands: [{ name: 'OBJECT' }],
  options: {
    against: { value: 'OLD', text: 'compare with this object file; needs no kernel and no root' },
    'on-mismatch': {
      value: 'MODE',
      text: 'what may be done with maps that do not fit: refuse (default), convert, convert-lossy, replace',
    },
    html: { value: 'FILE', text: 'also write the plan as one page with pictures of the layouts' },
  },
  details: [
    'Compares every map of OBJECT with the one of the same name in OLD, by its parameters and by what lies where in its',
    'keys and values. Each gets a verdict: identical or compatible (the new programs can use it as it is), convertible',
    '(every entry can be carried and nothing is lost), lossy (something is lost), incompatible. What only the live map',
    'could tell, such as whether all entries fit, counts as the worse case, and the reason says so.',
    '',
    'The exit code is 0 where an upgrade with the given --on-mismatch would go on, and 3 where it would refuse.',
    '',
    'With --json: {object, path, verdict, maps: [{name, verdict, action, reasons, differences: {key, value}}],',
    'programs: [{name, verdict}], links: [{name, verdict, reasons}], steps}. action is reuse, convert, create, replace,',
    'drop or refuse; key and value are lists of fields {path, change, pinned, wanted, grade, note}, a side is {type,',
    'offset, size, bitOffset, bitSize}, all offsets from the start of the value.',
  ].join('\n'),
  advice: { ERR_ELF: notAnObject },
  purpose: operand => `plan the upgrade to '${operand}'`,
  run({ operands: [source = ''], options, root }, output) {
    const { against, html } = options
    if (typeof against !== 'string') {
      throw wrongUsage('option --against is missing: plans are made for two object files')
    }
    const policy = { onMismatch: readMode(options['on-mismatch']) }
    const now = openObject(source, { root })
    const items = compareSpecs(openObject(against, { root }).spec, now.spec)
    return show({ object: now.name, path: against, items, policy, steps: [] }, html, output)
  },
}

/** Prints a plan, wherever it comes from. */
function show(view: PlanView, html: string | true | undefined, output: Output): ExitCode {
  if (typeof html === 'string') writePage(html, planPage(view))
  if (output.json) output.document(planDocument(view))
  else output.print(planLines(view, output.paint))
  return isRefused(view) ? exitCodes.refused : exitCodes.done
}

function readMode(text: string | true | undefined): OnMismatch {
  if (text === undefined) return 'refuse'
  const mode = onMismatchValues.find(value => value === text)
  if (mode !== undefined) return mode
  const near = didYouMean(String(text), onMismatchValues)
  throw wrongUsage(`option '--on-mismatch' takes ${onMismatchValues.join(', ')}, not '${text}'${near}`)
}

function wrongUsage(problem: string): UsageError {
  return new UsageError(`plan: ${problem}`, 'plan --help')
}

function writePage(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException
    throw new BpfError(`writing '${path}': ${message}`, { code, path, cause })
  }
}
