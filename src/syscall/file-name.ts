// A file has any bytes for its name, and text is UTF-8. In a name that is none, each byte above 0x7f becomes half a character
// (U+DC80 to U+DCFF), which no UTF-8 makes, so that the name can be written back.

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
const half = /\p{Surrogate}/u

/** The name of a file as text; different names are different texts. */
export function decodeFileName(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Array.from(bytes, byte => String.fromCharCode(byte > 0x7f ? 0xdc00 + byte : byte)).join('')
  }
}

/** The reverse, for what needs it; `undefined` for text that is UTF-8 as it is. */
export function encodeFileName(name: string): Uint8Array | undefined {
  if (!half.test(name)) return undefined
  return Uint8Array.from(Array.from(name).flatMap(char => [...bytesOf(char)]))
}

function bytesOf(char: string): Iterable<number> {
  const code = char.charCodeAt(0)
  return char.length === 1 && code >= 0xdc80 && code <= 0xdcff ? [code & 0xff] : encoder.encode(char)
}
