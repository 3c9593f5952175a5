/**
 * Things by their names, in an order. The table of names is made when one is asked for out of that order: with thousands,
 * making it takes as long as a system call for each, and each look into it waits for memory twice.
 */
export class Named<T extends { readonly name: string }> implements ReadonlyMap<string, T> {
  readonly #items: readonly T[]
  /** Behind what was asked for last. */
  #next = 0
  #places: ReadonlyMap<string, number> | undefined

  /** @param items no two of one name */
  constructor(items: Iterable<T>) {
    this.#items = Array.isArray(items) ? items : Array.from(items)
  }

  get size(): number {
    return this.#items.length
  }

  get(name: string): T | undefined {
    const next = this.#items[this.#next]
    if (next?.name === name) {
      this.#next++
      return next
    }
    const place = this.#placeOf(name)
    if (place === undefined) return undefined
    this.#next = place + 1
    return this.#items[place]
  }

  #placeOf(name: string): number | undefined {
    // from the start again
    if (this.#items[0]?.name === name) return 0
    this.#places ??= new Map(this.#items.map((item, place) => [item.name, place]))
    return this.#places.get(name)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  forEach(tell: (item: T, name: string, all: ReadonlyMap<string, T>) => void): void {
    for (const item of this.#items) tell(item, item.name, this)
  }

  values(): ArrayIterator<T> {
    return this.#items.values()
  }

  keys(): ArrayIterator<string> {
    return this.#items.map(({ name }) => name).values()
  }

  entries(): ArrayIterator<[string, T]> {
    return this.#items.map((item): [string, T] => [item.name, item]).values()
  }

  [Symbol.iterator](): ArrayIterator<[string, T]> {
    return this.entries()
  }
}
