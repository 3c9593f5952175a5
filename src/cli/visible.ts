/**
 * What moves a terminal's cursor, paints, ends a line, turns the direction of writing, or is not seen at all (The Unicode
 * Standard, 4.5: general categories Cc, Cf, Zl, Zp).
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
/** Most text is nothing but this, which is found out faster. */
const plain = /^[\t\x20-\x7e]*$/

/** What stands for a byte that is no UTF-8 (src/syscall/file-name.ts). */
const half = /\p{Surrogate}/gu

/**
 * Text as it can be shown on a terminal, whoever wrote it: a pin can have any name, also one that would clear the screen.
 * Tabs stay.
 */
export function visible(text: string): string {
  if (plain.test(text)) return text
  const shown = text.replace(unseen, char =>
    char === '\t' ? char : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  )
  return shown.replace(half, char => `\\x${(char.charCodeAt(0) & 0xff).toString(16)}`)
}

/** JSON that means the same and can be shown on a terminal: there, JSON leaves as it is what is not seen. */
export function visibleJson(json: string): string {
  if (plain.test(json)) return json
  return json.replace(unseen, char => (char === '\n' ? char : char.split('').map(jsonEscape).join('')))
}

function jsonEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
