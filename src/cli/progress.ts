import type { CopyProgress } from '../pin/index.ts'
import { visible } from './visible.ts'

/** A line on a terminal that says how far something is. */
export interface ProgressLine {
  /** `undefined` where there is no terminal. */
  readonly onProgress: ((progress: CopyProgress) => void) | undefined
  /** Takes the line away. */
  clear(): void
  [Symbol.dispose](): void
}

/** Between two changes of the line: who looks at it reads no faster. */
const pauseMs = 100

/** Shows how far copying is, on a terminal only. */
export function showProgress(
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>,
  now: () => number = () => performance.now(),
): ProgressLine {
  let isShown = false
  let last = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (isShown) stream.write('\r\u001b[K')
    isShown = false
  }
  const onProgress = (progress: CopyProgress): void => {
    if (now() - last < pauseMs) return
    last = now()
    stream.write(`\r${visible(textOf(progress))}\u001b[K`)
    isShown = true
  }
  return { onProgress: stream.isTTY ? onProgress : undefined, clear, [Symbol.dispose]: clear }
}

/** Of hash tables the total is not known, but at most the room that they have. */
function textOf({ map, done, total }: CopyProgress): string {
  return `converting ${map}: ${done.toLocaleString('en')} of at most ${total.toLocaleString('en')} entries`
}
