import { call6 } from '../../src/syscall/gate.ts'
import { allocate } from '../../src/syscall/memory.ts'
import { openFiles } from './kernel-state.ts'

const RLIMIT_NOFILE = 7

/** The soft limit of this process on descriptors, as `prlimit --nofile` and `ulimit -n` set it. */
export class DescriptorLimit {
  /** struct rlimit64: soft, hard. */
  readonly #limits = allocate(16)
  readonly #before: bigint

  constructor() {
    call6('prlimit64', 0, RLIMIT_NOFILE, 0, this.#limits.address, 0, 0)
    this.#before = this.#soft
  }

  /** From now on so many more can be open. The kernel gives the lowest number that is free. */
  leave(spare: number): void {
    const taken = new Set(openFiles().map(Number.parseFloat))
    let limit = 0
    for (let left = spare; left > 0 || taken.has(limit); limit++) if (!taken.has(limit)) left--
    this.#set(BigInt(limit))
  }

  lift(): void {
    this.#set(this.#before)
  }

  get #soft(): bigint {
    return new BigUint64Array(this.#limits.bytes.buffer)[0]!
  }

  #set(soft: bigint): void {
    new BigUint64Array(this.#limits.bytes.buffer)[0] = soft
    const result = call6('prlimit64', 0, RLIMIT_NOFILE, this.#limits.address, 0, 0, 0)
    if (result < 0) throw new Error(`the limit cannot be set: ${result}`)
  }
}
