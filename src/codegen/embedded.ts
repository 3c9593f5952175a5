/** The bytes of an object as text in a module: what `specFromEmbedded()` takes. */
export interface EmbeddedText {
  readonly encoding: 'base64' | 'brotli'
  /** Base64. */
  readonly data: string
}

/**
 * Characters that compressing must save. It makes text of a third or a quarter, and costs what loading zlib takes, about a
 * millisecond, and 0.2 ms for an object of 30 KB.
 */
const usuallyWorthwhile = 65_536

/** @param brotli compresses; without it the bytes are embedded as they are */
export function embeddedText(
  bytes: Uint8Array,
  brotli?: (bytes: Uint8Array) => Uint8Array,
  worthwhile: number = usuallyWorthwhile,
): EmbeddedText {
  const plain: EmbeddedText = { encoding: 'base64', data: base64(bytes) }
  if (!brotli || plain.data.length < worthwhile) return plain
  const data = base64(brotli(bytes))
  return plain.data.length - data.length < worthwhile ? plain : { encoding: 'brotli', data }
}

/** Bytes that become a string at once; more arguments than that overflow the stack. */
const pieceLength = 8192

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += pieceLength) {
    text += String.fromCharCode(...bytes.subarray(at, at + pieceLength))
  }
  return btoa(text)
}
