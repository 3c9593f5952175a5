import { execFileSync } from 'node:child_process'
import { rmdirSync } from 'node:fs'

/** Whether and how a long run is to come to its end early, so that it leaves nothing behind. */
export class Stopping {
  readonly #controller = new AbortController()
  readonly #parent = process.ppid
  readonly #timer: NodeJS.Timeout

  /** From now on signals do not end this process, nor does the end of the one that started it: {@link signal} tells of both. */
  constructor() {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(name, () => this.#controller.abort(name))
    // of a signal that only the other process got nobody else tells
    this.#timer = setInterval(() => {
      if (this.isLeftAlone) this.#controller.abort('the end of the process that started it')
    }, 500).unref()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isLeftAlone(): boolean {
    return process.ppid !== this.#parent
  }

  /** In the end; removes what the other process would have removed, the directory where this namespace has a bpffs. */
  end(mount: string): void {
    clearInterval(this.#timer)
    if (this.signal.aborted) console.log(`stopped early: ${this.signal.reason}`)
    if (!this.isLeftAlone) return
    execFileSync('umount', ['--lazy', mount])
    rmdirSync(mount)
  }
}
