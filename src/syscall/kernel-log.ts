/** Where the verifier, or the check of BTF, writes. */
export interface LogBuffer {
  /** 1: what it does, 2: and the state at each instruction, 4: only the statistics. */
  readonly level: number
  readonly bytes: Uint8Array
}

/** What a load with a log gave. */
export interface Logged {
  /** A descriptor, which is the caller's to close, or a negative errno. */
  readonly result: number
  readonly log: string
}

const ENOSPC = -28
/** The kernel's own limit before Linux 5.11 (kernel/bpf/verifier.c). */
const largest = (1 << 24) - 1

/** Loads with a log, again and again with more room while it does not fit. */
export function withLog(load: (log: LogBuffer) => number, level: number): Logged {
  for (let size = 1 << 16; ; size = Math.min(size * 4, largest)) {
    const bytes = new Uint8Array(size)
    const result = load({ level, bytes })
    if (result !== ENOSPC || size === largest) return { result, log: textOf(bytes) }
  }
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
