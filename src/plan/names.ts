import { BpfError } from '../errors.ts'

/** Longest name of a file (NAME_MAX, include/uapi/linux/limits.h), in bytes. */
const nameMax = 255
/** An object's own name leaves room for the `~next` and `~prev` that its generations get. */
const objectNameMax = nameMax - '~next'.length

/** Where bpffs is mounted on nearly every system. */
export const defaultRoot = '/sys/fs/bpf'

/** Names beside an object's directory, and inside it. `~` starts none of an object's own names. */
export const nextSuffix = '~next'
export const previousSuffix = '~prev'
/** The manifest, in the object's directory. */
export const manifestName = '~object'
/** What is to become the manifest, while things outside of the directory are being pinned. */
export const draftName = '~draft'
/** What only the switch from one generation to the next needs, in the directory of the new one. */
export const switchDirectory = '~switch'

/**
 * A name of the object as a file name on bpffs. bpffs refuses dots (kernel/bpf/inode.c: bpf_lookup reserves them), so
 * `.` is written `:`; the bytes of `:`, `~`, `%`, `/` and control characters are written `%XX`. Injective, so that two
 * names never meet in one file, and reversed by {@link decodeName}.
 *
 * The `~` in front of the number of an equal name (`hits~1`) is ours and stays.
 *
 * @throws BpfError `ERR_NAME` for an empty name, or one longer than a file name can be.
 */
export function encodeName(name: string): string {
  if (isPlain(name)) return name
  const suffix = /~\d+$/.exec(name)?.[0] ?? ''
  const encoded = escapeName(name.slice(0, name.length - suffix.length)) + suffix
  if (encoded === '') throw new BpfError('a pin needs a name', { code: 'ERR_NAME' })
  return checkLength(encoded, name, nameMax)
}

/** Nearly every name is its own file name: letters, digits, `_` and `-`, and short. */
function isPlain(name: string): boolean {
  const length = name.length
  if (length === 0 || length > nameMax) return false
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i)
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
    if (!isLetter && code !== 0x5f && code !== 0x2d && !(code >= 0x30 && code <= 0x39)) return false
  }
  return true
}

/** As {@link encodeName}, for one of several links of a program: `program~label`. */
export function encodeLinkName(program: string, label: string): string {
  return checkLength(`${encodeName(program)}${encodeLabel(label)}`, `${program}~${label}`, nameMax)
}

/** What a label adds to a file name. */
export function encodeLabel(label: string): string {
  return `~${escapeName(label)}`
}

/** As {@link encodeName}, for the name of an object, which must leave room for `~next`: at most 250 bytes. */
export function encodeObjectName(name: string): string {
  if (name.length <= objectNameMax && isPlain(name)) return name
  if (name === '') throw new BpfError('an object needs a name', { code: 'ERR_NAME' })
  return checkLength(escapeName(name), name, objectNameMax)
}

/** The name behind a file name: the reverse of {@link encodeName}. */
export function decodeName(file: string): string {
  if (!file.includes(':') && !file.includes('%')) return file
  const text = file.replaceAll(':', '.')
  try {
    return decodeURIComponent(text)
  } catch {
    // a stranger's name, not of our making: it stands for itself
    return file
  }
}

/** Would an object have its pins in a directory of that name? Others may choose any. */
export function isObjectDirectory(file: string): boolean {
  // no UTF-8: not of our making
  if (loneSurrogate.test(file)) return false
  return escapeName(decodeName(file)) === file && new TextEncoder().encode(file).length <= objectNameMax
}

// one look at the common name: nothing to write differently
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const special = /[.:~%/\x00-\x1f\x7f]/g

function escapeName(name: string): string {
  if (loneSurrogate.test(name)) {
    throw new BpfError(`a name with half a character in it cannot be written as UTF-8`, { code: 'ERR_NAME' })
  }
  return name.replace(special, char => {
    if (char === '.') return ':'
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

const loneSurrogate = /\p{Surrogate}/u

function checkLength(encoded: string, name: string, limit: number): string {
  // every UTF-16 unit is at least one byte: short names need no encoder
  const bytes = encoded.length * 3 <= limit ? 0 : new TextEncoder().encode(encoded).length
  if (bytes <= limit) return encoded
  throw new BpfError(`'${name}' makes a file name of ${bytes} bytes, at most ${limit} are possible`, {
    code: 'ERR_NAME',
  })
}

/** The name of an object from the file it came from: the whole base name, less `.bpf.o` or `.o`. */
export function objectNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/(\.bpf)?\.o$/, '')
}
