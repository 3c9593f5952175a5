// Translated instructions as text that is the same for equal programs, whoever loaded them and when.

/** include/uapi/linux/bpf.h; the kernel shows ids where a program had descriptors or indices. */
const wideLoad = 0x18
const ofMap = 1
const ofMapValue = 2

/**
 * Where an instruction has an address of what the kernel allocated for this very program (bpf_timer_set_callback() is
 * given its struct bpf_prog_aux, bpf_obj_new() a description from its BTF). Those of functions and variables of the kernel
 * are above, and stay as they are.
 */
const allocated = [0xff00_0000_0000_0000n, 0xffff_ffff_8000_0000n] as const
/** Where processes map things: an arena is where who made it has it (kernel/bpf/arena.c). */
const mapped = [0x7000_0000_0000n, 0x8000_0000_0000n] as const

function isIn(value: bigint, [from, to]: readonly [bigint, bigint]): boolean {
  return value >= from && value < to
}

/** A value with addresses that the kernel wrote, as it does into the head of a list, made equal. */
export function withoutAddresses(value: string): string {
  return value.replace(/.{16}/g, word => {
    const number = Buffer.from(word, 'hex').readBigUInt64LE()
    return isIn(number, allocated) ? '(allocated)' : word
  })
}

/**
 * One line an instruction.
 *
 * @param xlated in hexadecimal, of this machine, which is little-endian
 * @param mapName of an id
 */
export function codeLines(xlated: string, mapName: (id: number) => string): string[] {
  const bytes = Buffer.from(xlated, 'hex')
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 8) {
    const operation = bytes.subarray(at, at + 4).toString('hex')
    const immediate = bytes.readInt32LE(at + 4)
    if (bytes[at] !== wideLoad || at + 16 > bytes.length) {
      lines.push(`${operation} ${immediate}`)
      continue
    }
    lines.push(`${operation} ${wideOperand(bytes, at, immediate, mapName)}`)
    at += 8
  }
  return lines
}

function wideOperand(bytes: Buffer, at: number, immediate: number, mapName: (id: number) => string): string {
  const source = bytes[at + 1]! >> 4
  const next = bytes.readInt32LE(at + 12)
  if (source === ofMap) return `map ${mapName(immediate)}`
  if (source === ofMapValue) return `map ${mapName(immediate)} + ${next}`
  const value = (BigInt(next >>> 0) << 32n) | BigInt(immediate >>> 0)
  if (source === 0 && isIn(value, allocated)) return 'allocated'
  if (source === 0 && isIn(value, mapped)) return `mapped + 0x${(value & 0xfffn).toString(16)}`
  return `0x${value.toString(16)}`
}
