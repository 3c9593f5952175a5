import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import type { TypeId } from './types.ts'

/** What any blob may take, however small it is. */
const least = 2 ** 20

/**
 * How much C a blob may lead to: a part for each of its bytes, which is many times what compilers make. Types without a name
 * are written wherever they are used, so that a few of them could be written a billion times.
 */
export class Budget {
  readonly #btf: Btf
  #left: number

  constructor(btf: Btf) {
    this.#btf = btf
    this.#left = least + btf.size + (btf.base?.size ?? 0)
  }

  /** @throws BtfError when it is used up. */
  spend(id: TypeId, parts = 1): void {
    this.#left -= parts
    if (this.#left >= 0) return
    throw new BtfError(this.#btf.records.place(id), 'leads to more C than a blob of this size should')
  }
}
