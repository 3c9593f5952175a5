/**
 * Text in lines of at most so many characters, broken between words; a longer word stands by itself. Without a width, where
 * nobody looks at it on a terminal, it is one line.
 */
export function wrapped(text: string, width: number | undefined): string[] {
  if (width === undefined) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= width || line === '') line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return [...lines, line]
}
