import { EINVAL, ENOSPC } from './errno.ts'
/** Where the verifier, or the check of BTF, writes. */
export interface LogBuffer {
  /** 1: what it does, 2: and the state at each instruction, 4: only the statistics. */
  readonly level: number
  readonly bytes: Uint8Array
}

/** What one try to load with a log gave. */
export interface LogTry {
  /** A descriptor, or a negative errno. */
  readonly result: number
  /** Bytes that the whole log takes, where the kernel says so (Linux 6.4), else 0. */
  readonly wanted: number
}

/** What a load with a log gave. */
export interface Logged {
  /** A descriptor, which is the caller's to close, or a negative errno. */
  readonly result: number
  readonly log: string
}

const smallest = 1 << 16
/** The kernel's own limit before Linux 5.11 (kernel/bpf/verifier.c). */
const oldLimit = (1 << 24) - 1
/** No person reads more, and it must be one string. */
const largest = 1 << 28

/** Loads with a log, again and again with more room while it does not fit: ENOSPC, whatever the program is. */
export function withLog(load: (log: LogBuffer) => LogTry, level: number): Logged {
  let last: Logged | undefined
  for (let size = smallest; ; ) {
    const bytes = new Uint8Array(size)
    const { result, wanted } = load({ level, bytes })
    if (result === EINVAL && size > oldLimit && last) return last
    last = { result, log: textOf(bytes) }
    if (result !== ENOSPC || size === largest) return last
    size = Math.min(wanted > size ? wanted : nextSize(size), largest)
  }
}

function nextSize(size: number): number {
  return size < oldLimit ? Math.min(4 * size, oldLimit) : 4 * size
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
