import type { UpgradeOptions } from '../api/bpf-object.ts'
import { didYouMean } from '../btf/index.ts'
import type { ConvertFunction, Merge } from '../pin/index.ts'
import { type OnMismatch, onMismatchValues } from '../plan/policy.ts'
import type { Option, Request } from './command.ts'
import { UsageError } from './command-line.ts'
import { loadConversions } from './convert-file.ts'

/** What may be done where what is pinned does not fit: the same for `pin`, which does it, and `plan`. */
export const mismatchOptions: Readonly<Record<string, Option>> = {
  'on-mismatch': {
    value: 'MODE',
    words: onMismatchValues,
    text: 'what may be done with maps that do not fit: refuse (default), convert, convert-lossy, replace',
  },
  map: { value: 'NAME=MODE', isRepeatable: true, text: 'the same for one map; may be repeated' },
  convert: {
    value: 'FILE.mjs',
    text: 'a module with functions that convert entries: export const MAP = (key, value) => ({ value })',
  },
  merge: {
    ...{ value: 'MAP.FIELD=sum', isRepeatable: true },
    text: 'a field that both versions count in: what either adds meanwhile is added up; may be repeated',
  },
  'allow-gap': { text: 'go on where a link cannot be switched without losing events' },
}

/** Of `--help`. */
export const mismatchDetails: readonly string[] = [
  'MODE is one of refuse; convert, which carries the entries of a map into a new one where nothing is lost by that;',
  'convert-lossy, also where a field is dropped or narrowed or entries have no room; replace, which gives every map',
  'that does not fit a new and empty one. What FILE.mjs exports, by the names of maps or as a default object of such',
  "functions (for names like '.data'), decides about their entries instead: it gets the key and the value, decoded,",
  'and returns { value }, or { key, value }, or undefined to drop the entry.',
]

type Mismatch = Pick<UpgradeOptions, 'onMismatch' | 'maps' | 'convert' | 'merge' | 'allowGap'>

/**
 * Those options as the library has them.
 *
 * @param maps names of the object's maps
 * @throws UsageError, BpfError `ERR_CONVERT` for a file that cannot be used.
 */
export async function readMismatch(
  command: string,
  { options, repeated }: Request,
  maps: readonly string[],
): Promise<Mismatch> {
  const fail = (problem: string): never => {
    throw new UsageError(`${command}: ${problem}`, `${command} --help`)
  }
  const known = (option: string, name: string): string =>
    maps.includes(name)
      ? name
      : fail(`option '--${option}': there is no map '${name}' in the object${didYouMean(name, maps)}`)
  const { 'on-mismatch': mode, convert: file } = options
  const onMismatch = mode === undefined ? 'refuse' : readMode('on-mismatch', String(mode), fail)
  const modes = (repeated.map ?? []).map(text => {
    const [, name, mode] = /^(.+)=(.*)$/.exec(text) ?? []
    if (name === undefined || mode === undefined) {
      return fail(`option '--map' takes NAME=MODE, as in flows=convert, not '${text}'`)
    }
    return [known('map', name), readMode('map', mode, fail)] as const
  })
  const convert: Record<string, ConvertFunction> = typeof file === 'string' ? await loadConversions(file) : {}
  for (const name of Object.keys(convert)) known('convert', name)
  return {
    onMismatch,
    maps: Object.fromEntries(modes),
    convert,
    merge: readMerge(repeated.merge ?? [], maps, fail),
    allowGap: options['allow-gap'] === true,
  }
}

type Fail = (problem: string) => never

function readMode(option: string, text: string, fail: Fail): OnMismatch {
  const mode = onMismatchValues.find(value => value === text)
  if (mode !== undefined) return mode
  const near = didYouMean(text, onMismatchValues)
  return fail(`option '--${option}' takes ${onMismatchValues.join(', ')}, not '${text}'${near}`)
}

/** Names of maps may have a dot in them, as those of fields have. */
function readMerge(texts: readonly string[], maps: readonly string[], fail: Fail): Record<string, Merge> {
  const merge: Record<string, Record<string, 'sum'>> = {}
  for (const text of texts) {
    const [, path = text, how = ''] = /^(.+)=(.*)$/.exec(text) ?? []
    if (how !== 'sum') fail(`option '--merge' takes MAP.FIELD=sum, as in flows.packets=sum, not '${text}'`)
    const owners = maps.filter(name => path.startsWith(`${name}.`)).sort((a, b) => b.length - a.length)
    const [map] = owners
    if (map === undefined) {
      const name = /^\.?[^.]*/.exec(path)?.[0] ?? path
      return fail(`option '--merge': there is no map '${name}' in the object${didYouMean(name, maps)}`)
    }
    merge[map] = { ...merge[map], [path.slice(map.length + 1)]: 'sum' }
  }
  return merge
}
