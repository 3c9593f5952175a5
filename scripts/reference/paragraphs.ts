/** A command's details, taken apart: prose, and lines to be shown as they are. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly lines: readonly string[] }

/** Paragraphs stand between empty lines; what is indented is code. */
export function partsOf(details: string): Part[] {
  return details.split('\n\n').map((paragraph): Part => {
    const lines = paragraph.split('\n')
    return lines.every(line => line.startsWith('  '))
      ? { kind: 'code', lines: lines.map(line => line.slice(2)) }
      : { kind: 'text', text: lines.join(' ') }
  })
}
