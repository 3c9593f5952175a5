import { openObject } from '../api/object-spec.ts'
import { BpfError } from '../errors.ts'
import { closeGeneration, type ListedObject, listObject, openGeneration, Root } from '../pin/index.ts'
import { type Command, exitCodes, notAnObject } from './command.ts'
import { listing } from './ls.ts'
import type { Output } from './output.ts'

export const pin: Command = {
  summary: 'load, attach and pin an object, or find it pinned',
  operands: [{ name: 'OBJECT' }],
  options: {
    name: { value: 'NAME', text: "the object's name on bpffs, default its file name less .bpf.o or .o" },
    verbose: { text: "show all of the verifier's log when it refuses a program" },
  },
  details: [
    'Loads OBJECT, an ELF file with BPF programs, into the kernel, attaches every program whose section name says',
    'where, and pins maps, programs and links below <root>/<name>. Where the same object is pinned already it is',
    'found and nothing is loaded or changed. Where another version is pinned that does not fit, nothing is changed',
    'either, and the exit code is 3.',
    '',
    "With --json: {done: 'pinned' or 'found', name, path, unattached: [{program, wants}]} and the lists of maps,",
    'programs and links of ls --json.',
  ].join('\n'),
  advice: { ERR_ELF: notAnObject },
  purpose: operand => `pin '${operand}'`,
  run({ operands: [source = ''], options, root }, output) {
    const { name } = options
    const spec = openObject(source, { root, ...(typeof name === 'string' ? { name } : {}) })
    const wasPinned = isPinned(root, spec.name)
    using object = spec.upgrade()
    const pinned = listPinned(root, spec.name)
    const { unattached } = object
    if (output.json) {
      output.document({ done: wasPinned ? 'found' : 'pinned', ...listing(pinned), unattached })
    } else {
      printPinned(pinned, wasPinned, output)
    }
    for (const { program, wants } of unattached) {
      output.note(`program '${program}' is pinned, but not attached: it needs ${wants}`)
    }
    return exitCodes.done
  },
}

function isPinned(path: string, name: string): boolean {
  using root = Root.find(path)
  const generation = root && openGeneration(root, name)
  closeGeneration(generation)
  return generation !== undefined
}

function listPinned(path: string, name: string): ListedObject {
  using root = Root.find(path)
  const object = root && listObject(root, name)
  if (object) return object
  throw new BpfError(`object '${name}' was pinned and is gone again: somebody else unpinned it`, {
    code: 'ERR_NOT_PINNED',
    path: `${path}/${name}`,
  })
}

function printPinned(object: ListedObject, wasPinned: boolean, { paint, print }: Output): void {
  const { name, path, maps, programs, links } = object
  const parts = [count(maps, 'map'), count(programs, 'program'), count(links, 'link')].join(', ')
  const done = paint('green', wasPinned ? 'found' : 'pinned')
  print([`${done} ${paint('bold', name)} at ${path}: ${parts}${wasPinned ? '; nothing was changed' : ''}`])
}

function count({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`
}
