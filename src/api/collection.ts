import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { Named } from '../plan/named.ts'

/** Why something is not there, as it follows its name, and what to do; `undefined` for what the object does not have. */
export type Absent = (name: string) => { readonly problem: string; readonly hint: string } | undefined

/**
 * Things of one kind by their name in the object, in the object's order. Each is a property, too, which a typed skeleton
 * (`bpfpin gen`) declares: `object.maps.flows` is `object.maps.get('flows')`.
 */
export class Collection<T extends { readonly name: string }, Items = { readonly [name: string]: T }> {
  // Behind the class's own methods, so that making a collection costs nothing for it, however many items it has. What the
  // object does not have is `undefined`, as for any property: others ask for `then` or `toJSON`.
  static {
    Object.setPrototypeOf(
      Collection.prototype,
      new Proxy(Object.prototype, {
        get(target, name, collection: unknown) {
          if (typeof name === 'string' && isCollection(collection) && collection.#knows(name)) {
            return collection.get(name)
          }
          return Reflect.get(target, name, collection)
        },
      }),
    )
    function isCollection(value: unknown): value is Collection<{ readonly name: string }> {
      return typeof value === 'object' && value !== null && #given in value
    }
  }

  readonly #what: string
  readonly #given: Iterable<T> | ReadonlyMap<string, T>
  #map: ReadonlyMap<string, T> | undefined
  readonly #absent: Absent

  /**
   * @internal
   * @param items where they are in a map by these names already, that stands for them
   * @param absent says of what the object has and is not in here why that is so
   */
  constructor(what: string, items: Iterable<T> | ReadonlyMap<string, T>, absent: Absent = () => undefined) {
    this.#what = what
    this.#absent = absent
    this.#given = items
  }

  /** Made when the first item is asked for: opening an object of many maps asks for none. */
  get #items(): ReadonlyMap<string, T> {
    this.#map ??= isByName(this.#given) ? this.#given : new Map(Array.from(this.#given, named))
    return this.#map
  }

  /** @throws BpfError `ERR_UNKNOWN_NAME`, with near names, where there is none of that name. */
  get<Name extends string & keyof Items>(name: Name): Items[Name] {
    const item = this.#items.get(name)
    // what is under a name has the type that the skeleton has for it; without one that is T
    if (item) return item as Items[Name] & T
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

  /** Does the object have it, in here or not? */
  #knows(name: string): boolean {
    return this.#items.has(name) || this.#absent(name) !== undefined
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

function isByName<T extends { readonly name: string }>(
  items: Iterable<T> | ReadonlyMap<string, T>,
): items is ReadonlyMap<string, T> {
  return items instanceof Map || items instanceof Named
}

function named<T extends { readonly name: string }>(item: T): [string, T] {
  return [item.name, item]
}
