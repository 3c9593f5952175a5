import type { BpfObject, PinOptions } from '../api/bpf-object.ts'
import type { ObjectSpec } from '../api/object-spec.ts'
import { listPrevious, Root } from '../pin/index.ts'
import { fullPath, type Layout, linkPlace, mapPlace, type Place, programPlace } from '../plan/layout.ts'
import { targetText } from '../spec/targets.ts'
import { type Command, exitCodes, objectAdvice, type Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { mismatchDetails, mismatchOptions, readMismatch } from './mismatch-options.ts'
import { nextCommand } from './next-command.ts'
import { objectOptions, openRequested, readLayout } from './object-options.ts'
import type { Output } from './output.ts'
import { showProgress } from './progress.ts'
import { upgradeNotes, upgradeText } from './upgrade-text.ts'
import { readWait, waitOption } from './wait.ts'

export const pin: Command = {
  options: {
    ...objectOptions,
    ...mismatchOptions,
    btf: {
      value: 'FILE',
      text: "the types that CO-RE relocations are resolved by, default the running kernel's",
    },
    token: {
      value: 'BPFFS',
      text: 'in a user namespace, the mounted bpffs that permits BPF there, default /sys/fs/bpf',
    },
    'keep-previous': { text: 'keep the generation that is replaced, for bpfpin rollback' },
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
    'found and nothing is loaded or changed.',
    '',
    'Where another version is pinned, this one takes its place, at once: maps that fit are used on, as they are, and',
    'links go on without a gap where their kind allows it. Where a map does not fit, or a link would lose events, and',
    'the options do not allow what it takes, nothing is changed and the exit code is 3; bpfpin plan shows all of it',
    'before. A call that is stopped (Ctrl-C too) leaves what was pinned; the next call clears up after it, or, where',
    'the new version was in place already, finishes.',
    '',
    ...mismatchDetails,
    '',
    'TARGET is what the kind of program is attached to: a cgroup directory, an interface (eth0, for XDP also',
    'eth0,mode=generic), the file of a network namespace, a hook of netfilter (ipv4:local_in:-100), a function of the',
    'kernel or of another program (12:function), a place in a file (/bin/bash:readline), an event',
    '(cpu-clock,frequency=99,cpu=0), a map (sockmap), what an iterator walks over (map=flows). Several targets of one',
    'program have labels: --attach on_xdp~in=eth0 --attach on_xdp~out=eth1. A program that the object leaves out by',
    'itself (SEC("?...")) is loaded if it is named here or by --load, and in later calls as well, until it is to be left',
    'out. Links that are pinned stay where they are: an upgrade needs no targets again.',
    '',
    "With --json: {done: 'pinned', 'found' or 'upgraded', name, path, unattached: [{program, wants}]}, the lists of maps,",
    'programs and links of ls --json, previous as there; of an upgrade also upgrade: {generation, maps: [{name, action}],',
    'links: [{name, action}], carried: [{map, entries, failed, inKernel}], left: [{path, why}], dead, stillAttached}:',
    'how many entries were copied, and how many had no room; what could not be removed, links whose hook went',
    'meanwhile, and old links that another process holds, so that old programs go on running.',
  ].join('\n'),
  advice: objectAdvice,
  purpose: operand => `pin '${operand}'`,
  hintFor: nextCommand,
  async run(request, output) {
    const spec = openRequested('pin', request)
    const pinOptions = readPinOptions(request)
    const mismatch = await readMismatch('pin', request, [...spec.maps.names()])
    const keepPrevious = request.options['keep-previous'] === true
    using progress = showProgress(process.stderr)
    const { onProgress } = progress
    using object = spec.upgrade({ ...pinOptions, ...mismatch, keepPrevious, onProgress })
    progress.clear()
    if (output.json) output.document(describe(object, spec, request))
    else printDone(object, output)
    if (object.upgraded) for (const text of upgradeNotes(object.upgraded)) output.note(text)
    for (const { program, wants } of object.unattached) {
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

function wrongUsage(problem: string): UsageError {
  return new UsageError(`pin: ${problem}`, 'pin --help')
}

/**
 * The object as `ls --json` shows it, by what this process holds: another one may have unpinned it already.
 */
function describe(object: BpfObject, spec: ObjectSpec, { root, options }: Request): object {
  const { name, pinPath, maps, programs, links, unattached, upgraded } = object
  const layout: Layout = readLayout('pin', options.layout)
  const pathOf = (place: Place | null): string | null => place && fullPath(place, pinPath)
  using open = Root.find(root)
  return {
    done: doneOf(object),
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
    previous: open ? listPrevious(open, name) : null,
    unattached,
    ...(upgraded ? { upgrade: upgraded } : {}),
  }
}

function doneOf({ upgraded, wasFound }: BpfObject): 'upgraded' | 'found' | 'pinned' {
  if (upgraded) return 'upgraded'
  return wasFound ? 'found' : 'pinned'
}

function printDone(object: BpfObject, { paint, print }: Output): void {
  const { name, pinPath, maps, programs, links, upgraded, wasFound } = object
  const parts = [count(maps, 'map'), count(programs, 'program'), count(links, 'link')].join(', ')
  const what = upgraded ? `; ${upgradeText(upgraded)}` : wasFound ? '; nothing was changed' : ''
  print([`${paint('green', doneOf(object))} ${paint('bold', name)} at ${pinPath}: ${parts}${what}`])
}

function count({ size }: { readonly size: number }, what: string): string {
  return `${size} ${what}${size === 1 ? '' : 's'}`
}
