import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BpfError } from '../errors.ts'
import type { ConvertFunction } from '../pin/index.ts'

/**
 * The functions that a module exports, by map: those of its default export, and those that it exports by name.
 *
 * @throws BpfError `ERR_CONVERT` where it cannot be loaded or exports anything else.
 */
export async function loadConversions(file: string): Promise<Record<string, ConvertFunction>> {
  const { default: defaults, ...named } = await load(file)
  if (defaults !== undefined && (typeof defaults !== 'object' || defaults === null)) {
    throw wrong(file, 'its default export is no object with functions by map')
  }
  const conversions: Record<string, ConvertFunction> = {}
  for (const [map, convert] of Object.entries({ ...defaults, ...named })) {
    if (typeof convert !== 'function') throw wrong(file, `what it exports for map '${map}' is no function`)
    // what it takes and returns is checked where it is used
    conversions[map] = withFile(file, convert as ConvertFunction)
  }
  if (Object.keys(conversions).length === 0) throw wrong(file, 'it exports no function')
  return conversions
}

async function load(file: string): Promise<Record<string, unknown>> {
  try {
    return { ...((await import(pathToFileURL(resolve(file)).href)) as object) }
  } catch (cause) {
    throw wrong(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** What goes wrong in it is told with the file, and the line where that is known. */
function withFile(file: string, convert: ConvertFunction): ConvertFunction {
  return (key, value) => {
    try {
      return convert(key, value)
    } catch (cause) {
      throw wrong(placeIn(file, cause), cause instanceof Error ? cause.message : String(cause), cause)
    }
  }
}

function placeIn(file: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const url = pathToFileURL(resolve(file)).href
  const line = stack.split('\n').find(line => line.includes(url))
  const number = line && /:(\d+):\d+\)?$/.exec(line)?.[1]
  return number === undefined ? file : `${file}:${number}`
}

function wrong(place: string, problem: string, cause?: unknown): BpfError {
  return new BpfError(`${place}: ${problem}`, { code: 'ERR_CONVERT', path: place, cause })
}
