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

/** As {@link wrapped}, every line but the first indented, so that it is seen where the next text begins. */
export function hanging(text: string, width: number | undefined): string[] {
  const indent = '    '
  if (width === undefined || text.length <= width) return [text]
  return wrapped(text, Math.max(width - indent.length, 20)).map((line, i) => (i === 0 ? line : indent + line))
}

/** Paragraphs in lines of at most so many characters; what is indented, as commands to be typed are, stays as it is. */
export function reflowed(text: string, width: number | undefined): string {
  if (width === undefined) return text
  const paragraphs = text.split('\n\n').map(paragraph => {
    const lines = paragraph.split('\n')
    const isFixed = lines.some(line => line.startsWith(' ')) || lines.every(line => line.length <= width)
    return isFixed ? paragraph : wrapped(lines.join(' '), width).join('\n')
  })
  return paragraphs.join('\n\n')
}
