/**
 * Finds things by name, at once where they are asked for in their own order: a look into a table of thousands waits for memory
 * twice.
 */
export class InOrder<T extends { readonly name: string }> {
  readonly #byName: ReadonlyMap<string, T>
  readonly #items: readonly T[]
  #next = 0

  constructor(byName: ReadonlyMap<string, T>) {
    this.#byName = byName
    this.#items = [...byName.values()]
  }

  get(name: string): T | undefined {
    const next = this.#items[this.#next]
    if (next?.name !== name) return this.#byName.get(name)
    this.#next++
    return next
  }
}
