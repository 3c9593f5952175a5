import type { BpfObject, PinOptions } from '../api/bpf-object.ts'
import { type ObjectSpec, openObject } from '../api/object-spec.ts'
import { BpfError } from '../errors.ts'
import { isOutside, type Layout, linkPlace, mapPlace, type Place, programPlace } from '../plan/layout.ts'
import { targetText } from '../spec/targets.ts'
import { applyAttachments, readAttachments } from './attachments.ts'
import { type Command, exitCodes, notAnObject, type Request } from './command.ts'
import { UsageError } from './command-line.ts'
import type { Output } from './output.ts'
import { readWait, waitOption } from './wait.ts'

export const pin: Command = {
  summary: 'load, attach and pin an object, or find it pinned',
  operands: [{ name: 'OBJECT' }],
  options: {
    name: { value: 'NAME', text: "the object's name on bpffs, default its file name less .bpf.o or .o" },
    attach: {
      ...{ value: 'PROGRAM=TARGET', isRepeatable: true },
      text: 'where to attach a program whose section name does not say; may be repeated',
    },
    'no-attach': { text: 'attach nothing, but what --attach says' },
    layout: {
      value: 'libbpf',
      text: 'pin maps marked LIBBPF_PIN_BY_NAME at <root>/<map>, shared with programs on libbpf',
    },
    mode: {
      value: 'MODE',
      text: 'permissions of the directories, octal, default 0700; pins get those of 0666',
    },
    wait: waitOption,
    verbose: { text: "show all of the verifier's log when it refuses a program" },
  },
  details: [
    'Loads OBJECT, an ELF file with BPF programs, into the kernel, attaches every program whose section name says',
    'where, and pins maps, programs and links below <root>/<name>. Where the same object is pinned already it is',
    'found and nothing is loaded or changed. Where another version is pinned that does not fit, nothing is changed',
    'either, and the exit code is 3.',
    '',
    'TARGET is what the kind of program is attached to: a cgroup directory, an interface (eth0, for XDP also',
    'eth0,mode=generic), the file of a network namespace, a hook of netfilter (ipv4:local_in:-100), a function of the',
    'kernel, a place in a program (/bin/bash:readline), an event (cpu-clock,frequency=99,cpu=0), a map (sockmap), what an',
    'iterator walks over (map=flows). Several targets of one program have labels: --attach on_xdp~in=eth0',
    '--attach on_xdp~out=eth1. A program that the object leaves out by itself (SEC("?...")) is loaded if it is named.',
    'Where programs are attached is part of the object: to find it pinned takes the same targets.',
    '',
    "With --json: {done: 'pinned' or 'found', name, path, unattached: [{program, wants}]} and the lists of maps,",
    'programs and links of ls --json.',
  ].join('\n'),
  advice: { ERR_ELF: notAnObject },
  purpose: operand => `pin '${operand}'`,
  run(request, output) {
    const { operands, options, repeated, root } = request
    const pinOptions = readPinOptions(request)
    const layout = readLayout(options.layout)
    const attachments = readAttachments(repeated.attach ?? [])
    const { name } = options
    const spec = openObject(operands[0] ?? '', {
      root,
      layout,
      ...(typeof name === 'string' ? { name } : {}),
    })
    if (options['no-attach']) for (const program of spec.programs) program.autoattach = false
    applyAttachments(spec.programs, attachments)
    const found = findPinned(spec)
    using object = found ?? spec.upgrade(pinOptions)
    const { unattached } = object
    if (output.json) {
      const described = describe(object, spec, { root, layout })
      output.document({ done: found ? 'found' : 'pinned', ...described, unattached })
    } else {
      printDone(object, found !== undefined, output)
    }
    for (const { program, wants } of unattached) {
      output.note(`program '${program}' is pinned, but not attached: it needs ${wants}`)
    }
    return exitCodes.done
  },
}

function readPinOptions(request: Request): PinOptions {
  const { mode } = request.options
  return { ...readWait('pin', request), ...(mode === undefined ? {} : { mode: readMode(String(mode)) }) }
}

function readMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw wrongUsage(`option '--mode' takes permissions as three octal digits, as in 0755, not '${text}'`)
}

function readLayout(text: string | true | undefined): Layout {
  if (text === undefined) return 'object'
  if (text === 'libbpf' || text === 'object') return text
  throw wrongUsage(`option '--layout' takes libbpf, or object, which is the default, not '${text}'`)
}

function wrongUsage(problem: string): UsageError {
  return new UsageError(`pin: ${problem}`, 'pin --help')
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
function describe(
  { name, pinPath, maps, programs, links }: BpfObject,
  spec: ObjectSpec,
  { root, layout }: { readonly root: string; readonly layout: Layout },
): object {
  const pathOf = (place: Place | null): string | null =>
    place && (isOutside(place.path) ? place.path : `${pinPath}/${place.path}`)
  return {
    name,
    path: pinPath,
    maps: Array.from(maps, ({ name, id, type, keySize, valueSize, maxEntries }) => {
      const path = pathOf(mapPlace(spec.maps.get(name), root, layout))
      return { name, path, id, type, keySize, valueSize, maxEntries }
    }),
    programs: Array.from(programs, program => {
      const { name, type } = program
      const { id, tag } = program.info()
      return { name, path: pathOf(programPlace(spec.programs.get(name), root)), id, type, tag }
    }),
    links: Array.from(links, link => {
      const { name, type, label, target } = link
      const { id, progId } = link.info()
      const path = pathOf(linkPlace(spec.programs.get(link.program), root, label))
      return { name, path, id, type, programId: progId, target: target ? targetText(target) : null }
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
