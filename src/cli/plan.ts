import { writeFileSync } from 'node:fs'
import type { ObjectSpec } from '../api/object-spec.ts'
import { openObject } from '../api/open-object.ts'
import { BpfError } from '../errors.ts'
import { compareSpecs } from '../plan/against.ts'
import { type Command, type ExitCode, exitCodes, notWritable, objectAdvice, type Request } from './command.ts'
import { mismatchDetails, mismatchOptions, readMismatch } from './mismatch-options.ts'
import { planSuggestion } from './next-command.ts'
import { objectOptions, openRequested } from './object-options.ts'
import type { Output } from './output.ts'
import { findRoot } from './place.ts'
import { planPage } from './plan-page.ts'
import { planLines } from './plan-text.ts'
import { filesView, isRefused, type PlanView, planDocument } from './plan-view.ts'

export const plan: Command = {
  options: {
    against: { value: 'OLD', text: 'compare with this object file; needs no kernel and no root' },
    ...mismatchOptions,
    ...objectOptions,
    html: { value: 'FILE', text: 'also write the plan as one page with pictures of the layouts' },
  },
  details: [
    'Compares OBJECT with what is pinned under its name, and says what pin with the same options would do: how each',
    'map fits, with both layouts side by side where they differ; what becomes of programs and links, and what events',
    'meet meanwhile; the steps. Changes nothing. With --against it is compared with another object file instead.',
    '',
    'Each map gets a verdict: identical or compatible (the new programs can use it as it is), convertible (every entry',
    'can be carried and nothing is lost), lossy (something is lost), incompatible. Where two files are compared, what',
    'only the live map could tell, such as whether all entries fit, counts as the worse case, and the reason says so.',
    '',
    ...mismatchDetails,
    '',
    'The exit code is 0 where pin would go on with the same options, and 3 where it would refuse.',
    '',
    'With --json: {object, path, verdict, maps: [{name, verdict, action, reasons, differences: {key, value}}],',
    'programs: [{name, verdict, action}], links: [{name, program, verdict, action, promise, reasons}], steps}. action',
    'of a map is reuse, convert, create, replace, drop or refuse, of a program keep, load or drop, of a link keep,',
    'update, overlap, gap, attach or detach; key and value are lists of fields {path, change, pinned, wanted, grade,',
    'note}, a side is {type, offset, size, bitOffset, bitSize}, all offsets from the start of the value.',
    '',
    'The steps are carried out in this order; the exchange is the commit. Each has do, which is one of these, and the',
    'fields in braces: make-directory, remove-directory, write-manifest, rewrite-manifest, drop-previous {path};',
    'pin {kind, name, directory, file}; unpin {kind, name, directory, file, id}; attach {name, path}; detach {name, path,',
    'id}; update-link {name, path, kind, program}; copy, sweep {map, path}; publish, exchange, move {from, to}; swap',
    '{kind, name, from, to, id}; await-links {ids}; await-programs {}. A path or directory that does not begin with / is',
    "below the root. An id is the kernel's; below 0, of what will be made; null, of whatever is there.",
  ].join('\n'),
  advice: objectAdvice,
  purpose: operand => `plan the upgrade to '${operand}'`,
  async run(request, output, args) {
    const { against, html } = request.options
    const now = openRequested('plan', request)
    const view =
      typeof against === 'string' ? await planFiles(now, against, request) : await planLive(now, request)
    const next = typeof against === 'string' ? undefined : planSuggestion(view, args)
    return show(view, next, html, output)
  },
}

async function planLive(spec: ObjectSpec, request: Request): Promise<PlanView> {
  const options = await readMismatch('plan', request, [...spec.maps.names()])
  // that there is no bpffs should be known before it is needed
  using _ = findRoot(request.root)
  return spec.plan(options)
}

async function planFiles(now: ObjectSpec, against: string, request: Request): Promise<PlanView> {
  const { convert = {}, ...policy } = await readMismatch('plan', request, [...now.maps.names()])
  const items = compareSpecs(openObject(against).spec, now.spec)
  const hasFunction = (map: string): boolean => Object.hasOwn(convert, map)
  const { onMismatch = 'refuse', maps = {} } = policy
  return filesView({ object: now.name, path: against, items, policy: { onMismatch, maps, hasFunction } })
}

/** Prints a plan, wherever it comes from. */
function show(
  view: PlanView,
  next: string | undefined,
  html: string | true | undefined,
  output: Output,
): ExitCode {
  if (typeof html === 'string') writePage(html, planPage(view))
  if (output.json) output.document(planDocument(view))
  else
    output.print([...planLines(view, output.paint, output.width), ...(next === undefined ? [] : ['', next])])
  return isRefused(view) ? exitCodes.refused : exitCodes.done
}

function writePage(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException
    throw new BpfError(`writing '${path}': ${message}`, { code, path, cause, hint: notWritable })
  }
}
