// What callers without types may pass: every public function has its options and names looked at here, before anything is done.
import { BpfError, type ErrorFields } from './errors.ts'

/** What an option must be, by its name, which means the same in every call. What is not here is looked at where it is used. */
const kinds: Readonly<Record<string, string>> = {
  allowGap: 'boolean',
  keepPrevious: 'boolean',
  readOnly: 'boolean',
  follow: 'boolean',
  lock: 'boolean',
  evict: 'boolean',
  onProgress: 'function',
  waitMs: 'number',
  maps: 'object',
  convert: 'object',
  merge: 'object',
  label: 'string',
  signal: 'AbortSignal',
}

/**
 * The options of a call, `{}` where none were given.
 *
 * @param call as a person would say it: `'upgrade()'`
 * @throws BpfError `ERR_VALUE` for what is no object, and for an option of another kind; `null` is neither none nor one.
 */
export function optionsOf<T extends object>(options: T | undefined, call: string): T {
  // all options may be left out: that is what their types say, and what this is for
  if (options === undefined) return {} as T
  if (!isObject(options)) {
    const hint = call.replace('()', '({ name: value })')
    throw refused(`what ${call} is given as options`, options, 'an object', { hint })
  }
  for (const name in options) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    const value: unknown = options[name]
    if (kind === undefined || value === undefined || isOf(kind, value)) continue
    throw refused(`option '${name}' of ${call}`, value, `${/^[Ao]/.test(kind) ? 'an' : 'a'} ${kind}`)
  }
  return options
}

function isOf(kind: string, value: unknown): boolean {
  if (kind === 'object') return isObject(value)
  return kind === 'AbortSignal' ? isObject(value) && 'throwIfAborted' in value : typeof value === kind
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws BpfError `ERR_NAME` for a name or path that is no text; `what` as it stands in a sentence: `"the object's root"`. */
export function mustBeText(what: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw refused(what, value, 'a text', { code: 'ERR_NAME' })
}

/** The error for what cannot be taken: `option 'waitMs' of pin() is 'soon', and not a number`. */
export function refused(
  what: string,
  value: unknown,
  wanted: string,
  fields: Partial<ErrorFields> = {},
): BpfError {
  return new BpfError(`${what} is ${shown(value)}, and not ${wanted}`, { code: 'ERR_VALUE', ...fields })
}

/** Anything, as an error names it. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'function' ? 'a function' : String(value)
}
