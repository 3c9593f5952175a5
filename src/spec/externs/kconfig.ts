import { BpfError } from '../../errors.ts'
import type { KconfigExtern } from './declarations.ts'

const prefix = 'CONFIG_'

/** enum libbpf_tristate of <bpf/bpf_helpers.h>. */
const tristates = { n: 0n, y: 1n, m: 2n } as const
type Letter = keyof typeof tristates

/** The values of the kernel's configuration that an object wants, as they are found: the first one of each counts. */
export class KconfigValues {
  /** What the map `.kconfig` is to hold; values that are not found are 0. */
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #littleEndian: boolean
  readonly #wanted: ReadonlyMap<string, KconfigExtern>
  readonly #found = new Set<string>()

  constructor(wanted: Iterable<KconfigExtern>, size: number, littleEndian: boolean) {
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
    this.#littleEndian = littleEndian
    this.#wanted = new Map(Array.from(wanted, extern => [extern.name, extern]))
  }

  /** Those that were not found yet. */
  get missing(): KconfigExtern[] {
    return [...this.#wanted.values()].filter(({ name }) => !this.#found.has(name))
  }

  /**
   * Takes what it wants of a configuration: lines `CONFIG_NAME=value`, one byte a character.
   *
   * @param source how errors call it
   * @throws BpfError `ERR_EXTERN` for a line that is none, and for a value that its variable does not take.
   */
  read(text: string, source: string): void {
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      end = text.indexOf('\n', start)
      if (end < 0) end = text.length
      if (!text.startsWith(prefix, start)) continue
      const line = text.slice(start, end)
      const equals = line.indexOf('=')
      if (equals < 0 || equals + 1 === line.length) {
        const what = equals < 0 ? "has no '='" : 'has no value'
        throw refusal(`${source}: the line '${shortened(line)}' ${what}`, 'its lines are CONFIG_NAME=value')
      }
      const extern = this.#wanted.get(line.slice(0, equals))
      if (extern && !this.#found.has(extern.name)) this.#set(extern, line.slice(equals + 1), source)
    }
  }

  /** @throws BpfError `ERR_EXTERN` where its variable takes no such number. */
  setNumber(extern: KconfigExtern, value: bigint, source: string): void {
    const { form, name } = extern
    if (form === 'string' || form === 'tristate') throw this.#misfit(extern, String(value), source)
    if (form === 'bool' && value > 1n) throw this.#misfit(extern, String(value), source)
    if (!isInRange(extern, value)) {
      const { size, isSigned } = extern
      throw refusal(
        `${name} is ${signed(value)} in ${source}, which does not fit into ${isSigned ? 'a signed' : 'an unsigned'} integer of ${bytesText(size)}`,
        'declare it with a larger type',
      )
    }
    this.#put(extern, value)
  }

  #set(extern: KconfigExtern, value: string, source: string): void {
    const first = value[0]!
    if (first in tristates) {
      // `in` tells
      this.#setLetter(extern, first as Letter, value, source)
    } else if (first === '"') this.#setText(extern, value, source)
    else if (extern.form !== 'int' && extern.form !== 'char') throw this.#misfit(extern, value, source)
    else this.setNumber(extern, parseNumber(extern.name, value, source), source)
  }

  #setLetter(extern: KconfigExtern, letter: Letter, value: string, source: string): void {
    const { form } = extern
    if (form === 'tristate' || (form === 'bool' && letter !== 'm')) this.#put(extern, tristates[letter])
    else if (form === 'char') this.#put(extern, BigInt(letter.charCodeAt(0)))
    else throw this.#misfit(extern, value, source)
  }

  /** What is longer than the array is cut, as libbpf does: there is always a NUL. */
  #setText(extern: KconfigExtern, value: string, source: string): void {
    const { name, form, offset, size } = extern
    if (form !== 'string') throw this.#misfit(extern, value, source)
    if (value.length < 2 || !value.endsWith('"')) {
      throw refusal(
        `${name} is ${shortened(value)} in ${source}, a text without an end`,
        'a text stands between two "',
      )
    }
    const length = Math.min(value.length - 2, size - 1)
    for (let i = 0; i < length; i++) this.bytes[offset + i] = value.charCodeAt(i + 1)
    this.#found.add(name)
  }

  #put({ name, offset, size }: KconfigExtern, value: bigint): void {
    for (let i = 0; i < size; i++) {
      const shift = BigInt(8 * (this.#littleEndian ? i : size - 1 - i))
      this.#view.setUint8(offset + i, Number((value >> shift) & 0xffn))
    }
    this.#found.add(name)
  }

  #misfit({ name, form, isWeak }: KconfigExtern, value: string, source: string): BpfError {
    const takes = {
      bool: 'y or n',
      char: 'y, n, m or a number',
      int: 'a number',
      tristate: 'y, n or m',
      string: 'a text in quotes',
    }[form]
    return refusal(
      `${name} is ${shortened(value)} in ${source}, and its variable takes ${takes}`,
      `declare it as what it is: extern ${typeFor(value)} ${name} __kconfig${isWeak ? ' __weak' : ''}`,
    )
  }
}

/** The declaration that takes a value. */
function typeFor(value: string): string {
  if (value[0] === '"') return 'char[N]'
  if (value[0] === 'm') return 'enum libbpf_tristate'
  return /^[yn]/.test(value) ? 'bool' : 'int'
}

/** As strtoull(3) reads it, with base 0: the sign is taken, and a negative number is one of 64 bits. */
function parseNumber(name: string, text: string, source: string): bigint {
  const found = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text)
  const digits = found?.[2] ?? ''
  // 2^64 has 22 octal digits, and zeros may stand before them
  const value = found && digits.length < 100 ? BigInt(asLiteral(digits)) : undefined
  if (value === undefined || value >= 1n << 64n) {
    throw refusal(
      `${name} is ${shortened(text)} in ${source}, which is no number of 64 bits`,
      'numbers are written as in C, a text stands between two "',
    )
  }
  return BigInt.asUintN(64, found?.[1] === '-' ? -value : value)
}

function asLiteral(digits: string): string {
  return /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits
}

/** Of a number as 64 bits: is nothing lost where the variable has fewer? */
function isInRange({ size, isSigned }: KconfigExtern, value: bigint): boolean {
  const bits = 8 * size
  return (
    bits >= 64 ||
    BigInt.asUintN(64, isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value
  )
}

function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value) < 0n && value > 1n << 63n ? BigInt.asIntN(64, value) : value
}

function bytesText(size: number): string {
  return size === 1 ? 'one byte' : `${size} bytes`
}

const longest = 60

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}...` : text
}

function refusal(message: string, hint: string): BpfError {
  return new BpfError(message, { code: 'ERR_EXTERN', hint })
}
