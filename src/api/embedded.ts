import { Buffer } from 'node:buffer'
import { BpfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import { parseSpec } from '../spec/parse.ts'
import type { ObjectSpec } from './object-spec.ts'
import type { ObjectTypes } from './object-types.ts'
import { type OpenOptions, openObject } from './open-object.ts'
import { pinnedPlace } from './open-pinned.ts'
import { type OpenPinnedOptions, PinnedObject } from './pinned-object.ts'

/** An object in the text of a module, as `bpfpin gen` writes it; decoded when it is opened. */
export interface EmbeddedObject {
  /** The object's name. */
  readonly name: string
  /** How the bytes became text: as they are, or compressed first. */
  readonly encoding: 'base64' | 'brotli'
  /** Base64. */
  readonly data: string
}

/**
 * For typed skeletons: {@link openObject} of what is embedded in them, with its types.
 *
 * @throws as {@link openObject}; BpfError `ERR_EMBEDDED` where the text was damaged.
 */
export function specFromEmbedded<Types extends ObjectTypes>(
  object: EmbeddedObject,
  options?: OpenOptions,
): ObjectSpec<Types> {
  // the skeleton states the types of the very object that is in it
  return openObject(bytesOf(object), {
    name: object.name,
    ...optionsOf(options, 'open()'),
  }) as ObjectSpec<Types>
}

export interface PinnedLikeOptions extends OpenPinnedOptions {
  /** Its name below the root, or, with a `/` in it, the path of its directory. Default: the name of the object. */
  readonly name?: string
}

/**
 * For typed skeletons: `openPinned()` of an object that is to have the types of the one that is embedded in them. Any version
 * of it will do whose maps and variables lie alike; they are read by the skeleton's types. With `follow` each new generation
 * is looked at, too: one that does not fit is an `'error'`, and what is held stays.
 *
 * @throws as `openPinned()`; PinMismatchError with every difference.
 */
export function pinnedLikeEmbedded<Types extends ObjectTypes>(
  object: EmbeddedObject,
  options?: PinnedLikeOptions,
): PinnedObject<Types> {
  const given = optionsOf(options, 'openPinned()')
  const place = pinnedPlace(given.name ?? object.name, given.root)
  return new PinnedObject<Types>(place, given, parseSpec(bytesOf(object), object.name))
}

function bytesOf({ name, encoding, data }: EmbeddedObject): Uint8Array {
  const bytes = Buffer.from(data, 'base64')
  if (encoding === 'base64') return bytes
  try {
    // only some objects need it, and it takes milliseconds to load
    return process.getBuiltinModule('node:zlib').brotliDecompressSync(bytes)
  } catch (cause) {
    throw new BpfError(`the object '${name}' that the skeleton has in it is damaged`, {
      code: 'ERR_EMBEDDED',
      cause,
      hint: 'generate the skeleton again: bpfpin gen',
    })
  }
}
