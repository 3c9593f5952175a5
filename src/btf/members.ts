import type { Btf } from './btf.ts'
import type { BtfComposite, BtfMember } from './types.ts'

/**
 * The members of a struct or union with bitfields as what they are. Before Linux 4.20 a bitfield was an ordinary member
 * whose int type said how many bits it has, and from which bit on (Documentation/bpf/btf.rst, BTF_KIND_INT).
 */
export function placedMembers(btf: Btf, composite: BtfComposite): readonly BtfMember[] {
  return composite.members.map(member => {
    if (member.bitSize !== 0) return member
    const type = btf.resolve(member.type)
    if (type.kind !== 'int' || type.bits === 8 * type.size) return member
    return { ...member, bitOffset: member.bitOffset + type.bitOffset, bitSize: type.bits }
  })
}
