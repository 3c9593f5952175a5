import { closeFd, enableRunStats, notForgotten, systemError, whenForgotten } from '../syscall/index.ts'

/** How often a program ran while runs were counted, and for how long. */
export interface ProgramStats {
  readonly runs: number
  /** Nanoseconds, of all runs together. */
  readonly timeNs: number
  /** How often it was not run, as it was running already on that CPU. Counted always; Linux 5.12. */
  readonly misses: number
}

/** For as long as it is open the kernel counts the runs of all programs. */
export class RunCounting {
  #fd: number

  /** @internal Use {@link enableStats}. */
  constructor(fd: number) {
    this.#fd = fd
    whenForgotten(this, { what: 'the counting of runs', release: () => void closeFd(fd) })
  }

  get closed(): boolean {
    return this.#fd < 0
  }

  /** Ends it, unless others count as well; a second time does nothing. */
  close(): void {
    if (this.#fd < 0) return
    notForgotten(this)
    closeFd(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * Has the kernel count the runs of all programs, and their time, until it is closed or the process ends; `program.stats()` reads
 * what was counted. Each run takes some 20 ns more meanwhile. Linux 5.8; before, `sysctl kernel.bpf_stats_enabled=1`.
 *
 * @throws BpfError EPERM without CAP_SYS_ADMIN.
 * @example
 * using counting = enableStats()
 * console.log(object.programs.get('count').stats())
 */
export function enableStats(): RunCounting {
  const fd = enableRunStats()
  if (fd < 0) throw systemError(fd, 'bpf(BPF_ENABLE_STATS)', { doing: 'having runs of programs counted' })
  return new RunCounting(fd)
}
