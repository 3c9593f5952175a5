import { join } from 'node:path'
import { hasObject, rollbackObject, Writer } from '../pin/index.ts'
import { encodeObjectName } from '../plan/names.ts'
import { type Command, exitCodes } from './command.ts'
import { findRoot, notPinned, objectPlace } from './place.ts'
import { upgradeNotes, upgradeText } from './upgrade-text.ts'
import { readWait, waitOption } from './wait.ts'

export const rollback: Command = {
  options: {
    'keep-previous': {
      text: 'keep the generation that is left, so that the next rollback goes forward again',
    },
    'allow-gap': { text: 'go on where a link cannot be switched without losing events' },
    wait: waitOption,
  },
  details: [
    'Puts the generation that bpfpin pin --keep-previous kept in the place of the current one, as an upgrade does: maps',
    'that both have keep all that is in them, maps that were converted hold again what they held at the upgrade, and',
    'links go on without a gap where their kind allows it. Needs no object file. The object is named, or given by the',
    'path of its directory; bpfpin ls shows which have a kept generation.',
    '',
    'Where a link would lose events and --allow-gap is not given, nothing is changed and the exit code is 3.',
    '',
    'With --json: {name, path, generation, maps: [{name, action}], links: [{name, action}], left: [{path, why}], dead,',
    'stillAttached, carried: []}. action of a map is reuse, restore (converted or replaced by the upgrade) or drop.',
  ].join('\n'),
  purpose: operand => `roll '${operand}' back`,
  run(request, output) {
    const { operands, options } = request
    const wait = readWait('rollback', request)
    const place = objectPlace(operands[0] ?? '', request.root)
    const { root, name } = place
    {
      // a root that is not there is not to be made for this
      using open = findRoot(root)
      if (!open || !hasObject(open, name)) throw notPinned(place, open)
    }
    const directory = encodeObjectName(name)
    const writer = Writer.open({ root, directory, layout: 'object' }, name, wait)
    try {
      const report = rollbackObject(writer, name, {
        keepPrevious: options['keep-previous'] === true,
        allowGap: options['allow-gap'] === true,
      })
      const path = join(root, directory)
      const { paint, print, note } = output
      if (output.json) output.document({ name, path, ...report })
      else
        print([`${paint('green', 'rolled back')} ${paint('bold', name)} at ${path}: ${upgradeText(report)}`])
      for (const text of upgradeNotes(report)) note(text)
      return exitCodes.done
    } finally {
      writer.close()
    }
  },
}
