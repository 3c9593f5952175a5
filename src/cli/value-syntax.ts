import type { Value } from '../btf/index.ts'
import { BpfError } from '../errors.ts'

/**
 * Reads a value as it is written on a command line: JSON, in which integers of any size are exact and may be in
 * hexadecimal, and names need no quotes. Anything that does not begin like JSON is a string as it stands.
 *
 * @throws BpfError `ERR_VALUE` with the place where it is wrong.
 *
 * @example readValue('{calls: 18446744073709551615, state: 0x1f, name: "a b"}')
 */
export function readValue(text: string): Value {
  const trimmed = text.trim()
  if (/^[[{"]/.test(trimmed)) return new Reader(text).readAll()
  return wordValue(trimmed) ?? text
}

const integer = /^-?(?:\d+|0x[\da-f]+)$/i
const fraction = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i

/** `undefined` for a word that means nothing but itself. */
function wordValue(word: string): Value | undefined {
  if (word === 'true' || word === 'false') return word === 'true'
  if (integer.test(word)) return exact(word)
  return fraction.test(word) ? Number(word) : undefined
}

function exact(word: string): number | bigint {
  // BigInt() takes no sign in front of 0x
  const wide = word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word)
  const number = Number(wide)
  return Number.isSafeInteger(number) ? number : wide
}

const depthLimit = 64

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  readAll(): Value {
    const value = this.#value(0)
    this.#skipBlanks()
    if (this.#at < this.#text.length) throw this.#wrong('the end')
    return value
  }

  #value(depth: number): Value {
    if (depth > depthLimit) throw this.#wrong(`at most ${depthLimit} levels of brackets`)
    this.#skipBlanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#list(depth)
      case '"':
        return this.#string()
      default: {
        const word = this.#word('a value')
        return wordValue(word) ?? word
      }
    }
  }

  #object(depth: number): Value {
    const fields: [string, Value][] = []
    this.#at++
    if (this.#take('}')) return {}
    do {
      this.#skipBlanks()
      const name = this.#text[this.#at] === '"' ? this.#string() : this.#word('the name of a field')
      if (!this.#take(':')) throw this.#wrong("':'")
      fields.push([name, this.#value(depth + 1)])
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#wrong("',' or '}'")
    return Object.fromEntries(fields)
  }

  #list(depth: number): Value {
    const values: Value[] = []
    this.#at++
    if (this.#take(']')) return values
    do values.push(this.#value(depth + 1))
    while (this.#take(','))
    if (!this.#take(']')) throw this.#wrong("',' or ']'")
    return values
  }

  #string(): string {
    const [quoted] = this.#match(/"(?:[^"\\]|\\.)*"/y) ?? []
    if (quoted === undefined) throw this.#wrong("a '\"' that ends the string")
    try {
      // a string between quotes is a string
      return JSON.parse(quoted) as string
    } catch {
      this.#at -= quoted.length
      throw this.#wrong('a string as JSON writes it')
    }
  }

  #word(expected: string): string {
    const [word] = this.#match(/[^\s,:[\]{}"]+/y) ?? []
    if (word === undefined) throw this.#wrong(expected)
    return word
  }

  #take(mark: string): boolean {
    this.#skipBlanks()
    const isThere = this.#text[this.#at] === mark
    if (isThere) this.#at++
    return isThere
  }

  #skipBlanks(): void {
    this.#match(/\s*/y)
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (!match) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  #wrong(expected: string): BpfError {
    const rest = this.#text.slice(this.#at, this.#at + 20)
    const found = rest === '' ? 'there is the end' : `there is '${rest}'`
    return new BpfError(`character ${this.#at + 1} of '${this.#text}': expected ${expected}, ${found}`, {
      code: 'ERR_VALUE',
    })
  }
}
