import { join } from 'node:path'
import { type UnpinReport, unpinObject } from '../pin/index.ts'
import { encodeObjectName } from '../plan/names.ts'
import { type Command, exitCodes } from './command.ts'
import type { Output } from './output.ts'
import { findRoot, notPinned, objectPlace } from './place.ts'
import { readWait, waitOption } from './wait.ts'

export const unpin: Command = {
  options: { wait: waitOption },
  details: [
    'Detaches the programs of an object and removes its pins, with them its maps and all that is in them, unless',
    'something else holds them. The object is named, or given by the path of its directory.',
    '',
    'Only what the object pinned is removed: what was put there by others is left, and said.',
    '',
    'With --json: {name, path, removed, left: [{path, why}], stillAttached}: how many pins are gone, what was left,',
    'and the links that another process holds, so that their programs go on running.',
  ].join('\n'),
  purpose: operand => `unpin '${operand}'`,
  run(request, output) {
    const {
      operands: [operand = ''],
      root,
    } = request
    const wait = readWait('unpin', request)
    const place = objectPlace(operand, root)
    using open = findRoot(place.root)
    const report = open && unpinObject(open, place.name, wait)
    if (!report) throw notPinned(place, open)
    const { name } = place
    const path = join(place.root, encodeObjectName(name))
    if (output.json) output.document({ name, path, ...report })
    else printReport(name, path, report, output)
    return exitCodes.done
  },
}

function printReport(
  name: string,
  path: string,
  { removed, left, stillAttached }: UnpinReport,
  { paint, print, note }: Output,
): void {
  const pins = `${removed} pin${removed === 1 ? '' : 's'}`
  print([`${paint('green', 'unpinned')} ${paint('bold', name)} at ${path}: ${pins} removed`])
  for (const { path, why } of left) note(`left ${path}: ${why}`)
  for (const link of stillAttached) {
    note(`link '${link}' is still attached: another process holds it, or a pin that is not this object's`)
  }
}
