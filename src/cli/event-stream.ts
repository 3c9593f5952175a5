import type { Value } from '../btf/index.ts'
import type { EventReader } from '../map/index.ts'
import { toJsonLine } from './json.ts'
import type { Output } from './output.ts'
import { valueText } from './value-text.ts'
import { hanging } from './wrap.ts'

/**
 * Prints records as they come, those of one turn of the event loop at once, until there were so many or the reader is closed.
 * How it came out is noted at the end, whatever ended it.
 *
 * @returns whether there were so many
 * @throws what the reader ends with.
 */
export async function printEvents(
  reader: EventReader<unknown>,
  limit: number,
  output: Output,
): Promise<boolean> {
  let count = 0
  let lines: string[] = []
  const flush = (): void => {
    output.print(lines)
    lines = []
  }
  const lineOf = output.json ? toJsonLine : textOf
  try {
    await reader.each(event => {
      // after this turn, and before anything else
      if (lines.length === 0) queueMicrotask(flush)
      for (const line of hanging(lineOf(event), output.json ? undefined : output.width)) lines.push(line)
      count++
      if (count === limit) reader.close()
    })
    return count === limit
  } finally {
    flush()
    output.note(summaryOf(count, reader.lost))
  }
}

function textOf(event: unknown): string {
  // decoded by BTF, or bytes
  return valueText(event as Value | Uint8Array)
}

function summaryOf(count: number, lost: number | undefined): string {
  const read = `${count} ${count === 1 ? 'record' : 'records'} read`
  return lost === undefined ? read : `${read}, ${lost} lost`
}
