import { relative } from 'node:path'
import { openMap } from '../api/open-map.ts'
import { openGenerationMap } from '../api/pinned-map.ts'
import type { Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { BpfMap, Entry } from '../map/index.ts'
import { hasKernelValues } from '../plan/map-families.ts'
import { type Command, type ExitCode, exitCodes, type Request } from './command.ts'
import type { Output } from './output.ts'
import { mapPath, mapsNear } from './place.ts'
import { assignmentText, valueText } from './value-text.ts'
import { showOrWatch, watchOptions } from './watching.ts'
import { hanging } from './wrap.ts'

export const dump: Command = {
  options: watchOptions,
  details: [
    'Prints every entry of a pinned map, whoever pinned it, with keys and values decoded by BTF. The variables of a',
    'data section (.data, .bss, .rodata) are printed by name. Keys and values without types are printed as bytes. Types of',
    'maps that bpfpin pinned are in the manifest beside them; those of others take CAP_SYS_ADMIN to read.',
    '',
    'A MAP-PATH that does not start with / or ./ is below the root: counter/maps/flows. The name of a data section',
    'may be written with its dot: counter/maps/.bss.',
    '',
    'Keys of an LPM trie that are IP addresses are printed as 10.0.0.0/8 or 2001:db8::/32.',
    '',
    'With --watch it is shown again at each change, also that of the generation: in place on a terminal; with --json as',
    'one document a line.',
    '',
    'With --json: [{key, value}], or for a data section one object by variable name. An integer beyond 2^53 - 1 is a',
    'string of its digits; bytes are an array of numbers; a per-CPU value is an array with one value a CPU; a key of an',
    'LPM trie has its fields.',
  ].join('\n'),
  advice: {
    ERR_UNSUPPORTED:
      'bpfpin events shows what comes through ring buffers and perf buffers; other maps of such types only programs see',
    ENOENT: 'bpfpin ls shows what is pinned; --root says where a path that does not start with / begins',
  },
  purpose: operand => `dump '${operand}'`,
  run(request, output) {
    return showOrWatch({ command: 'dump', request, show: shown => show(request, shown) }, output)
  },
}

function show({ operands: [operand = ''], root }: Request, output: Output): ExitCode {
  using map = open(mapPath(operand, root), root)
  const variables = readVariables(map)
  if (output.json) {
    output.document(variables ?? Array.from(map, ([key, value]) => ({ key, value })))
  } else if (variables) {
    const lines = Object.entries(variables).map(([name, value]) => assignmentText(name, value))
    output.print(lines.flatMap(line => hanging(line, output.width)))
  } else {
    const lines = Array.from(
      map,
      ([key, value]) => `${map.keyText(key) ?? valueText(key)}: ${valueText(value)}`,
    )
    if (lines.length === 0) output.note('the map is empty')
    output.print(output.width === undefined ? lines : lines.flatMap(line => hanging(line, output.width)))
  }
  if (!map.types && !hasKernelValues(map.type)) output.note(`its types are not known: ${whyUntyped()}`)
  return exitCodes.done
}

/** What cannot be opened is often a name that is almost right. */
function open(path: string, root: string): BpfMap {
  try {
    return openGenerationMap(path) ?? openMap(path, { readOnly: true, owner: 'any' })
  } catch (error) {
    const maps = error instanceof BpfError ? mapsNear(path) : []
    if (!(error instanceof BpfError) || maps.length === 0) throw error
    const { code, message, path: at } = error
    const names = maps.map(map => relative(root, map)).join(', ')
    throw new BpfError(message, {
      code,
      cause: error,
      hint: `maps there: ${names}`,
      ...(at ? { path: at } : {}),
    })
  }
}

/** A data section's variables by name; `undefined` where the map is something else. */
function readVariables(map: BpfMap): Readonly<Record<string, Value>> | undefined {
  const { types } = map
  if (types?.btf.kindOf(types.value) !== 'datasec') return undefined
  const [entry] = map
  // what a DATASEC decodes to is an object with one field a variable
  return entry?.[1] as Readonly<Record<string, Value>> & Entry
}

function whyUntyped(): string {
  return process.geteuid?.() === 0
    ? 'the object that made it had no BTF for it'
    : 'without CAP_SYS_ADMIN the kernel does not give them away'
}
