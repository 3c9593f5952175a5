import { address, at, listLength, u8, u16 } from './arena.ts'
import { call3 } from './gate.ts'

/** Offsets in struct linux_dirent64 (fs/readdir.c): d_ino u64, d_off s64, d_reclen u16, d_type u8, d_name. */
const recordLength = 16
const nameAt = 19

/**
 * What is in a directory, with inode numbers, as the kernel lists it. Names are compared where they lie; none is made a
 * string unless it is looked for out of order.
 */
export class Listing {
  /** How many entries there are, without `.` and `..`. */
  readonly size: number
  readonly #bytes: Uint8Array
  /** Where the entries start. */
  readonly #entries: readonly number[]
  #next = 0
  #byName: ReadonlyMap<string, number> | undefined

  /** @internal Use {@link readListing}. */
  constructor(bytes: Uint8Array, entries: readonly number[]) {
    this.size = entries.length
    this.#bytes = bytes
    this.#entries = entries
  }

  /**
   * The inode number of a name; 0 where it is not there. Asking in the order of the listing is fast: bpffs lists what was
   * made last first (fs/libfs.c: dcache_readdir).
   */
  inodeOf(name: string): number {
    const entry = this.#entries[this.#next]
    if (entry !== undefined && this.#isNamed(entry, name)) {
      this.#next++
      return this.#inode(entry)
    }
    this.#byName ??= new Map(this.#entries.map(one => [this.#name(one), this.#inode(one)]))
    return this.#byName.get(name) ?? 0
  }

  names(): string[] {
    return this.#entries.map(entry => this.#name(entry))
  }

  #isNamed(entry: number, name: string): boolean {
    const bytes = this.#bytes
    const start = entry + nameAt
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i)
      // other characters are more than a byte each
      if (code > 0x7f || bytes[start + i] !== code) return false
    }
    return bytes[start + name.length] === 0
  }

  #name(entry: number): string {
    const end = this.#bytes.indexOf(0, entry + nameAt)
    return new TextDecoder().decode(this.#bytes.subarray(entry + nameAt, end))
  }

  /** They are of 32 bits on bpffs (fs/inode.c: get_next_ino). */
  #inode(entry: number): number {
    const bytes = this.#bytes
    return (
      bytes[entry]! +
      bytes[entry + 1]! * 0x100 +
      bytes[entry + 2]! * 0x1_0000 +
      bytes[entry + 3]! * 0x100_0000
    )
  }
}

/** Lists an open directory from where its descriptor stands; a negative errno. */
export function readListing(fd: number): Listing | number {
  const parts: Uint8Array[] = []
  const entries: number[] = []
  let before = 0
  for (;;) {
    const filled = call3('getdents64', fd, address(at.list), listLength)
    if (filled < 0) return filled
    if (filled === 0) return new Listing(joined(parts, before), entries)
    for (let from = at.list; from < at.list + filled; from += u16[(from + recordLength) >> 1]!) {
      if (!isDots(from + nameAt)) entries.push(before + from - at.list)
    }
    parts.push(u8.slice(at.list, at.list + filled))
    before += filled
  }
}

/** `.` and `..` */
function isDots(name: number): boolean {
  if (u8[name] !== 0x2e) return false
  return u8[name + 1] === 0 || (u8[name + 1] === 0x2e && u8[name + 2] === 0)
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(length)
  let end = 0
  for (const part of parts) {
    whole.set(part, end)
    end += part.length
  }
  return whole
}
