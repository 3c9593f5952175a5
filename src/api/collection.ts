import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'

/** Things of one kind by their name in the object, in the object's order. */
export class Collection<T extends { readonly name: string }> {
  readonly #what: string
  readonly #items: ReadonlyMap<string, T>

  /** @internal */
  constructor(what: string, items: Iterable<T>) {
    this.#what = what
    this.#items = new Map(Array.from(items, item => [item.name, item]))
  }

  /** @throws BpfError `ERR_UNKNOWN_NAME`, with near names, where there is none of that name. */
  get(name: string): T {
    const item = this.#items.get(name)
    if (item) return item
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
