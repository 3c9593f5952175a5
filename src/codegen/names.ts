/** A name as those of types are written: `flow_key` -> `FlowKey`. Empty where no letter or digit is in it. */
export function pascalCase(name: string): string {
  // what can be in an identifier (ECMA-262, 12.7): `²` is a number for Unicode, and no digit there
  const words = name.split(/[^\p{ID_Continue}$]+|_+/u).filter(word => word !== '')
  return words.map(word => word[0]!.toUpperCase() + word.slice(1)).join('')
}

/** A name for a type, which cannot begin with a digit. */
export function typeNameFor(name: string, otherwise: string): string {
  const pascal = pascalCase(name) || otherwise
  return /^[^\p{ID_Start}$]/u.test(pascal) ? `_${pascal}` : pascal
}

/** A property of an object: as it is where it can be, else in quotes. */
export function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)
}

/** What ends a line, is not seen, or has the code around it shown in another order: no reader of the code expects it. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A text as a literal in single quotes; whatever is in it, the line goes on, and shows what it is. */
export function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inner.replace(unseen, char => `\\u{${char.codePointAt(0)?.toString(16)}}`)}'`
}

/** Text for a comment, which it cannot end: U+2028 and U+2029 end a line as well (ECMA-262, 12.3). */
export function inComment(text: string): string {
  return text.replaceAll('*/', '* /').replace(unseen, ' ')
}

/** Gives every name once: what is asked for again gets a number. */
export class UniqueNames {
  readonly #taken: Set<string>
  /** The number that a name gets next: types of one name are not counted through again for each. */
  readonly #next = new Map<string, number>()

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken)
  }

  take(name: string, others: (name: string) => readonly string[] = () => []): string {
    for (let times = this.#next.get(name) ?? 1; ; times++) {
      const candidate = times === 1 ? name : `${name}${times}`
      const all = [candidate, ...others(candidate)]
      if (all.some(one => this.#taken.has(one))) continue
      for (const one of all) this.#taken.add(one)
      this.#next.set(name, times + 1)
      return candidate
    }
  }
}
