import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'

/** Why something is not there, as it follows its name, and what to do; `undefined` for what the object does not have. */
export type Absent = (name: string) => { readonly problem: string; readonly hint: string } | undefined

/** Things of one kind by their name in the object, in the object's order. */
export class Collection<T extends { readonly name: string }> {
  readonly #what: string
  readonly #items: ReadonlyMap<string, T>
  readonly #absent: Absent

  /**
   * @internal
   * @param absent says of what the object has and is not in here why that is so
   */
  constructor(what: string, items: Iterable<T>, absent: Absent = () => undefined) {
    this.#what = what
    this.#absent = absent
    this.#items = new Map(Array.from(items, item => [item.name, item]))
  }

  /** @throws BpfError `ERR_UNKNOWN_NAME`, with near names, where there is none of that name. */
  get(name: string): T {
    const item = this.#items.get(name)
    if (item) return item
    const why = this.#absent(name)
    if (why) {
      throw new BpfError(`${this.#what} '${name}' ${why.problem}`, {
        code: 'ERR_UNKNOWN_NAME',
        hint: why.hint,
      })
    }
    throw new BpfError(`there is no ${this.#what} '${name}'${didYouMean(name, this.#items.keys())}`, {
      code: 'ERR_UNKNOWN_NAME',
    })
  }

  has(name: string): boolean {
    return this.#items.has(name)
  }

  get size(): number {
    return this.#items.size
  }

  names(): IterableIterator<string> {
    return this.#items.keys()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values()
  }
}
