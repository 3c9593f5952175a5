import { closeSync, constants, openSync, readSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { withTracefs } from '../link/tracefs.ts'

/** What bpf_printk() wrote, or that of it some was lost. */
export type TraceMessage =
  | {
      readonly kind: 'message'
      /** The name and thread id of the task in which the program ran. */
      readonly task: string
      readonly pid: number
      readonly cpu: number
      /** Seconds since the system started, by the clock of the trace. */
      readonly time: number
      readonly text: string
    }
  | { readonly kind: 'lost'; readonly cpu: number; readonly events: number }

const pieceLength = 1 << 16
/** What is read at once at most, so that a flood leaves its reader some time. */
const mostPieces = 16

/**
 * The kernel's trace pipe, into which bpf_printk() of all programs writes; which program it was the kernel does not say. What one
 * reader takes no other gets.
 */
export class TracePipe {
  #fd: number
  #rest = ''
  #isOurs = false
  readonly #decoder = new TextDecoder()
  readonly #piece = new Uint8Array(pieceLength)

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** @throws BpfError EACCES or EPERM for who may not read it, EBUSY where another process does. */
  static open(): TracePipe {
    const doing = 'opening the trace pipe'
    return withTracefs(doing, tracefs => {
      try {
        return new TracePipe(openSync(`${tracefs}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK))
      } catch (cause) {
        // what Node's fs throws has both
        const { code = 'EIO', errno = -5 } = cause as NodeJS.ErrnoException
        const hint = hints[code]
        throw new BpfError(`${doing}: ${code}`, {
          ...{ code, errno: -errno, syscall: 'openat', path: '/sys/kernel/tracing/trace_pipe', cause },
          ...(hint === undefined ? {} : { hint }),
        })
      }
    })
  }

  /** What has been written since the last time. Never waits. */
  read(): TraceMessage[] {
    const lines = (this.#rest + this.#readText()).split('\n')
    this.#rest = lines.pop() ?? ''
    const messages: TraceMessage[] = []
    for (const line of lines) this.#take(line, messages)
    return messages
  }

  close(): void {
    if (this.#fd < 0) return
    closeSync(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #readText(): string {
    let text = ''
    for (let i = 0; i < mostPieces && this.#fd >= 0; i++) {
      const count = this.#readPiece()
      text += this.#decoder.decode(this.#piece.subarray(0, count), { stream: true })
      if (count === 0) break
    }
    return text
  }

  #readPiece(): number {
    try {
      return readSync(this.#fd, this.#piece)
    } catch (error) {
      // what Node's fs throws has a code
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN' || code === 'EINTR') return 0
      throw error
    }
  }

  /** Other tracers write here, too; a line without a head goes on with the message before it. */
  #take(line: string, messages: TraceMessage[]): void {
    const lost = /^CPU:(\d+) \[LOST (\d+) EVENTS\]/.exec(line)
    if (lost) {
      messages.push({ kind: 'lost', cpu: Number(lost[1]), events: Number(lost[2]) })
      return
    }
    const head = /^ *(.{1,16})-(\d+) +(?:\([ \d-]+\) +)?\[(\d+)\] +\S+ +(\d+\.\d+): (\w+): (.*)$/.exec(line)
    const last = messages.at(-1)
    if (head) {
      const [, task = '', pid, cpu, time, event, text = ''] = head
      this.#isOurs = event === 'bpf_trace_printk'
      if (!this.#isOurs) return
      messages.push({ kind: 'message', task, pid: Number(pid), cpu: Number(cpu), time: Number(time), text })
    } else if (this.#isOurs && last?.kind === 'message' && line !== '') {
      messages[messages.length - 1] = { ...last, text: `${last.text}\n${line}` }
    }
  }
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'the trace pipe is for root only: sudo bpfpin log',
  EPERM: 'lockdown forbids it, or the process lacks capabilities: see bpfpin doctor',
  EBUSY:
    'another process reads it (bpftool prog tracelog, cat trace_pipe), and each message is for one reader',
}
