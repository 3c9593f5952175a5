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
  const [from, to] = allocated
  return source === 0 && value >= from && value < to ? 'allocated' : `0x${value.toString(16)}`
}
