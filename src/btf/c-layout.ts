import type { Btf } from './btf.ts'
import { placedMembers } from './members.ts'
import type { BtfComposite, BtfMember, TypeId } from './types.ts'

/** What a compiler is to be told so that it lays a struct or union out as BTF says. */
export interface CLayout {
  /** Bytes to which the compiler will align it. */
  readonly align: number
  readonly isPacked: boolean
  /** Bytes for `aligned(N)`, where only that gives a union its size. */
  readonly aligned: number | undefined
  readonly items: readonly (CMember | CPadding)[]
}

export interface CMember {
  readonly kind: 'member'
  /** Its place among the members that BTF has. */
  readonly index: number
  readonly member: BtfMember
}

/** Bits that no member has. */
export interface CPadding {
  readonly kind: 'padding'
  /** Bits from the start of the struct. */
  readonly at: number
  readonly bits: number
  /** Bytes, where they are too many for bitfields without a name. */
  readonly bytes: number
}

/** Beyond so many bytes padding is an array with a name. */
const longestPadding = 16_384

/**
 * Lays structs out as clang does for BPF (the Itanium rules): a member lies at the next multiple of its alignment, a bitfield
 * in the next bits of its own type; with `packed` all lie one behind the other. What lies elsewhere gets padding in front of
 * it. BTF has no attributes: `packed` is where members show it, and alignments are those of the members.
 */
export class CLayouts {
  readonly #btf: Btf
  readonly #known = new Map<TypeId, CLayout | undefined>()

  constructor(btf: Btf) {
    this.#btf = btf
  }

  /** `undefined` for members that C cannot place like that, as where they overlap. */
  of(composite: BtfComposite): CLayout | undefined {
    if (this.#known.has(composite.id)) return this.#known.get(composite.id)
    const members = placedMembers(this.#btf, composite)
    const layout =
      composite.kind === 'union' ? this.#union(composite, members) : this.#struct(composite, members)
    this.#known.set(composite.id, layout)
    return layout
  }

  /** Bytes to which a value of the type will be aligned. */
  alignOf(id: TypeId): number {
    const type = this.#btf.resolve(id)
    switch (type.kind) {
      case 'struct':
      case 'union':
        return this.of(type)?.align ?? 1
      case 'array':
        return this.alignOf(type.elementType)
      default: {
        const size = this.#btf.sizeOf(type.id)
        return Math.min(size & -size || 1, 16)
      }
    }
  }

  #struct(composite: BtfComposite, members: readonly BtfMember[]): CLayout | undefined {
    const align = this.#natural(composite, members)
    const isPacked = align === undefined
    const items: (CMember | CPadding)[] = []
    let end = 0
    for (const [index, member] of members.entries()) {
      const next = this.#next(end, member, isPacked)
      if (next > member.bitOffset) return undefined
      if (next < member.bitOffset) items.push(padding(end, member.bitOffset - end))
      items.push({ kind: 'member', index, member })
      end = member.bitOffset + this.#bitsOf(member)
    }
    const size = 8 * composite.size
    if (end > size) return undefined
    if (up(end, 8 * (align ?? 1)) < size) items.push(padding(end, size - end))
    return { align: align ?? 1, isPacked, aligned: undefined, items }
  }

  /** The alignment that the members give it, if they lie by it. */
  #natural(composite: BtfComposite, members: readonly BtfMember[]): number | undefined {
    let align = 1
    for (const member of members) {
      const own = this.alignOf(member.type)
      if (member.name !== '' || member.bitSize === 0) align = Math.max(align, own)
      const width = 8 * this.#btf.sizeOf(member.type)
      const isOff =
        member.bitSize === 0
          ? member.bitOffset % (8 * own) !== 0
          : (member.bitOffset % width) + member.bitSize > width
      if (isOff) return undefined
    }
    return composite.size % align === 0 ? align : undefined
  }

  /** Where the compiler would put the next member. */
  #next(end: number, member: BtfMember, isPacked: boolean): number {
    if (member.bitSize === 0) return up(end, isPacked ? 8 : 8 * this.alignOf(member.type))
    const width = 8 * this.#btf.sizeOf(member.type)
    return isPacked || (end % width) + member.bitSize <= width ? end : up(end, width)
  }

  #union(composite: BtfComposite, members: readonly BtfMember[]): CLayout | undefined {
    if (members.some(({ bitOffset }) => bitOffset !== 0)) return undefined
    const needed = Math.max(0, ...members.map(member => Math.ceil(this.#bitsOf(member) / 8)))
    const own = Math.max(1, ...members.map(({ type }) => this.alignOf(type)))
    const isPacked = composite.size % own !== 0
    const align = isPacked ? 1 : own
    const items = members.map((member, index): CMember => ({ kind: 'member', index, member }))
    if (needed > composite.size) return undefined
    if (up(needed, align) === composite.size) return { align, isPacked, aligned: undefined, items }
    const aligned = composite.size & -composite.size
    if (aligned > align && aligned <= 4096 && up(needed, aligned) === composite.size) {
      return { align: aligned, isPacked, aligned, items }
    }
    // an array of the whole size says it without an attribute
    const whole: CPadding = { kind: 'padding', at: 0, bits: 8 * composite.size, bytes: composite.size }
    return { align, isPacked, aligned: undefined, items: [...items, whole] }
  }

  #bitsOf({ type, bitSize }: BtfMember): number {
    return bitSize || 8 * this.#btf.sizeOf(type)
  }
}

function padding(at: number, bits: number): CPadding {
  return { kind: 'padding', at, bits, bytes: bits > 8 * longestPadding ? Math.floor(bits / 8) : 0 }
}

function up(bits: number, to: number): number {
  return Math.ceil(bits / to) * to
}
