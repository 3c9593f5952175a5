/**
 * Finds things by name, at once where they are asked for in their own order: a look into a table of thousands waits for memory
 * twice.
 */
export class InOrder<T extends { readonly name: string }> {
  readonly items: readonly T[]
  #next = 0
  #byName: ReadonlyMap<string, T> | undefined

  constructor(items: Iterable<T>) {
    this.items = [...items]
  }

  get(name: string): T | undefined {
    const next = this.items[this.#next]
    if (next?.name === name) {
      this.#next++
      return next
    }
    this.#byName ??= new Map(this.items.map(item => [item.name, item]))
    return this.#byName.get(name)
  }
}
