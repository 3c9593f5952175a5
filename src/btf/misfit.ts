import { BpfError } from '../errors.ts'

/** A value that does not fit its type, while the way to it is still being told: each level up adds its part. */
export class Misfit extends Error {
  readonly code: 'ERR_VALUE' | 'ERR_UNKNOWN_NAME'
  #path = ''

  constructor(problem: string, code: 'ERR_VALUE' | 'ERR_UNKNOWN_NAME' = 'ERR_VALUE') {
    super(problem)
    this.code = code
  }

  /** Adds the part that the way leads through next on its way up: `.count`, `[3]`. */
  within(part: string): this {
    this.#path = part + this.#path
    return this
  }

  toError(what: string): BpfError {
    return new BpfError(`${what}${this.#path}: ${this.message}`, { code: this.code })
  }
}

/** Adds a part to the way of a {@link Misfit}; any other error stays as it is. */
export function rethrowWithin(error: unknown, part: string): never {
  throw error instanceof Misfit ? error.within(part) : error
}

/** What was given, short enough for one line. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `'${value.slice(0, 40)}...'` : `'${value}'`
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}
