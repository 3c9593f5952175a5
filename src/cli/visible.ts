// what moves a terminal's cursor, paints, or turns the direction of writing
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unseen = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g

/** What stands for a byte that is no UTF-8 (src/syscall/file-name.ts). */
const half = /\p{Surrogate}/gu

/**
 * Text as it can be shown on a terminal, whoever wrote it: a pin can have any name, also one that would clear the screen.
 * Tabs stay.
 */
export function visible(text: string): string {
  const shown = text.replace(unseen, char => `\\u{${char.charCodeAt(0).toString(16)}}`)
  return shown.replace(half, char => `\\x${(char.charCodeAt(0) & 0xff).toString(16)}`)
}
