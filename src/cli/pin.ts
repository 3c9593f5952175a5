import type { BpfObject } from '../api/bpf-object.ts'
import { type ObjectSpec, openObject } from '../api/object-spec.ts'
import { BpfError } from '../errors.ts'
import { isOutside, linkPlace, mapPlace, type Place, programPlace } from '../plan/layout.ts'
import { type Command, exitCodes, notAnObject } from './command.ts'
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
    const found = findPinned(spec)
    using object = found ?? spec.upgrade()
    const { unattached } = object
    if (output.json) {
      output.document({ done: found ? 'found' : 'pinned', ...describe(object, spec), unattached })
    } else {
      printDone(object, found !== undefined, output)
    }
    for (const { program, wants } of unattached) {
      output.note(`program '${program}' is pinned, but not attached: it needs ${wants}`)
    }
    return exitCodes.done
  },
}

function findPinned(spec: ObjectSpec): BpfObject | undefined {
  try {
    return spec.loadPinned()
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ERR_NOT_PINNED') return undefined
    throw error
  }
}

/**
 * The object as `ls --json` shows it, by what this process holds: another one may have unpinned it already.
 */
function describe({ name, pinPath, maps, programs, links }: BpfObject, spec: ObjectSpec): object {
  const pathOf = (place: Place | null): string | null =>
    place && (isOutside(place.path) ? place.path : `${pinPath}/${place.path}`)
  return {
    name,
    path: pinPath,
    maps: Array.from(maps, ({ name, id, type, keySize, valueSize, maxEntries }) => {
      const path = pathOf(mapPlace(spec.maps.get(name), '', 'object'))
      return { name, path, id, type, keySize, valueSize, maxEntries }
    }),
    programs: Array.from(programs, program => {
      const { name, type } = program
      const { id, tag } = program.info()
      return { name, path: pathOf(programPlace(spec.programs.get(name), '')), id, type, tag }
    }),
    links: Array.from(links, link => {
      const { name, type } = link
      const { id, progId } = link.info()
      const path = pathOf(linkPlace(spec.programs.get(link.program), ''))
      return { name, path, id, type, programId: progId }
    }),
  }
}

function printDone(object: BpfObject, wasFound: boolean, { paint, print }: Output): void {
  const { name, pinPath, maps, programs, links } = object
  const parts = [count(maps, 'map'), count(programs, 'program'), count(links, 'link')].join(', ')
  const done = paint('green', wasFound ? 'found' : 'pinned')
  print([`${done} ${paint('bold', name)} at ${pinPath}: ${parts}${wasFound ? '; nothing was changed' : ''}`])
}

function count({ size }: { readonly size: number }, what: string): string {
  return `${size} ${what}${size === 1 ? '' : 's'}`
}
