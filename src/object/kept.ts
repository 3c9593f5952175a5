import type { BpfMap } from '../map/index.ts'
import { Keeper } from '../syscall/index.ts'
import type { BpfProgram } from './program.ts'

/** Has the descriptors of what belongs together closed when all of it was collected, unless it was closed by then. */
export class KeptTogether {
  readonly #keeper: Keeper

  /** @param what as a person calls it: `object 'counter'` */
  constructor(what: string) {
    this.#keeper = new Keeper(what)
  }

  /** That is all now, with some descriptors that nothing else has. */
  keep(maps: Iterable<BpfMap>, programs: Iterable<BpfProgram>, others: readonly number[] = []): void {
    const fds = [...others]
    for (const items of [maps, programs]) {
      for (const item of items) {
        if (item.closed) continue
        item.keptBy(this.#keeper)
        fds.push(item.fd)
      }
    }
    this.#keeper.keep(fds)
  }

  /** All of it is about to be closed. */
  end(): void {
    this.#keeper.end()
  }
}
