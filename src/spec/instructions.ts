/** Bytes of one instruction slot; a 64-bit immediate load takes two slots. */
export const instructionSize = 8

const BPF_CALL = 0x85
const BPF_LD_IMM64 = 0x18

/** Meanings of the source register of a 64-bit load or a call (include/uapi/linux/bpf.h: BPF_PSEUDO_*). */
export const pseudo = { MAP_FD: 1, MAP_VALUE: 2, FUNC: 4, CALL: 1 } as const

/** Reads and patches instructions in place: 8 bytes each, in the byte order of the object. */
export class Instructions {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #littleEndian: boolean

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#littleEndian = littleEndian
  }

  isCall(i: number): boolean {
    return this.bytes[i * instructionSize] === BPF_CALL
  }

  /** A 64-bit immediate load with both its slots present. */
  isWideLoad(i: number): boolean {
    return this.bytes[i * instructionSize] === BPF_LD_IMM64 && (i + 2) * instructionSize <= this.bytes.length
  }

  /** The register nibbles change places with the byte order (Documentation/bpf/standardization/instruction-set.rst). */
  sourceRegister(i: number): number {
    const registers = this.bytes[i * instructionSize + 1] ?? 0
    return this.#littleEndian ? registers >> 4 : registers & 0xf
  }

  setSourceRegister(i: number, register: number): void {
    const at = i * instructionSize + 1
    const registers = this.bytes[at] ?? 0
    this.bytes[at] = this.#littleEndian ? (registers & 0x0f) | (register << 4) : (registers & 0xf0) | register
  }

  immediate(i: number): number {
    return this.#view.getInt32(i * instructionSize + 4, this.#littleEndian)
  }

  setImmediate(i: number, value: number): void {
    this.#view.setInt32(i * instructionSize + 4, value, this.#littleEndian)
  }
}
