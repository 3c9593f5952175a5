// what moves a terminal's cursor, paints, or turns the direction of writing
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unseen = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g

/**
 * Text as it can be shown on a terminal, whoever wrote it: a pin can have any name, also one that would clear the screen.
 * Tabs stay.
 */
export function visible(text: string): string {
  return text.replace(unseen, char => `\\u{${char.charCodeAt(0).toString(16)}}`)
}
