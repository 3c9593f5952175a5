import type { Option, Request } from './command.ts'
import { UsageError } from './command-line.ts'

/** Of commands that change an object. */
export const waitOption: Option = {
  value: 'SECONDS',
  text: 'how long to wait for another process at the same object, default 10',
}

/**
 * What `--wait` asks for, as options of the library have it.
 *
 * @throws UsageError for what is no number.
 */
export function readWait(command: string, { options: { wait } }: Request): { readonly waitMs?: number } {
  if (wait === undefined) return {}
  const text = String(wait)
  if (/^\d+(\.\d+)?$/.test(text)) return { waitMs: Number(text) * 1000 }
  throw new UsageError(
    `${command}: option '--wait' takes a number of seconds, as in 2.5, not '${text}'`,
    `${command} --help`,
  )
}
