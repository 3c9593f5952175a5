/** The alphabet of Z85 (ZeroMQ RFC 32): no character of it needs an escape in a string. */
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/**
 * Bytes as text, five characters for four bytes, where base64 has five and a third. A digit comes first: how many zeros were
 * added at the end.
 */
export function toBase85(bytes: Uint8Array): string {
  const added = -bytes.length & 3
  const padded = new Uint8Array(bytes.length + added)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  let text = String(added)
  for (let at = 0; at < padded.length; at += 4) {
    let group = ''
    for (let rest = view.getUint32(at), i = 0; i < 5; i++, rest = Math.floor(rest / 85)) {
      group = alphabet[rest % 85] + group
    }
    text += group
  }
  return text
}

/** The bytes that {@link toBase85} wrote. */
export function fromBase85(text: string): Uint8Array {
  const digits = new Uint8Array(128)
  for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i
  const view = new DataView(new ArrayBuffer(((text.length - 1) / 5) * 4))
  for (let from = 1, to = 0; from < text.length; to += 4) {
    let group = 0
    for (const end = from + 5; from < end; from++) group = group * 85 + digits[text.charCodeAt(from)]!
    view.setUint32(to, group)
  }
  return new Uint8Array(view.buffer, 0, view.byteLength - Number(text[0]))
}
