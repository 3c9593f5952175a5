import { viewOf } from '../parser/view.ts'
/** Bytes of one instruction slot; a 64-bit immediate load takes two slots. */
export const instructionSize = 8

const BPF_CALL = 0x85
const BPF_LD_IMM64 = 0x18

/** Meanings of the source register of a 64-bit load or a call (include/uapi/linux/bpf.h: BPF_PSEUDO_*). */
export const pseudo = { MAP_FD: 1, MAP_VALUE: 2, BTF_ID: 3, FUNC: 4, CALL: 1, KFUNC_CALL: 2 } as const

const instructionClasses = ['ld', 'ldx', 'st', 'stx', 'alu', 'jmp', 'jmp32', 'alu64'] as const

/** Bytes that a load or store moves, by the two bits of its opcode. */
const memorySizes: readonly number[] = [4, 2, 1, 8]

/** What the first byte of an instruction says (Documentation/bpf/standardization/instruction-set.rst). */
export const opcode = {
  classOf(code: number): (typeof instructionClasses)[number] {
    return instructionClasses[code & 7]!
  },

  /** Does an arithmetic instruction take its operand from a register, and not from the instruction? */
  isByRegister(code: number): boolean {
    return (code & 0x08) !== 0
  },

  memorySize(code: number): number {
    return memorySizes[(code >> 3) & 3]!
  },

  /** The same load or store of so many bytes; `undefined` where there is none. */
  withMemorySize(code: number, bytes: number): number | undefined {
    const bits = memorySizes.indexOf(bytes)
    return bits < 0 ? undefined : (code & ~0x18) | (bits << 3)
  },
} as const

/** Reads and patches instructions in place: 8 bytes each, in the byte order of the object. */
export class Instructions {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #littleEndian: boolean

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
    this.#littleEndian = littleEndian
  }

  isCall(i: number): boolean {
    return this.bytes[i * instructionSize] === BPF_CALL
  }

  /** A 64-bit immediate load with both its slots present. */
  isWideLoad(i: number): boolean {
    return this.bytes[i * instructionSize] === BPF_LD_IMM64 && (i + 2) * instructionSize <= this.bytes.length
  }

  opcode(i: number): number {
    return this.bytes[i * instructionSize] ?? 0
  }

  setOpcode(i: number, code: number): void {
    this.bytes[i * instructionSize] = code
  }

  /** Has the slot an immediate and nothing else, as the second of a 64-bit load? */
  isBare(i: number): boolean {
    return this.#view.getUint32(i * instructionSize) === 0
  }

  /** Makes the slot a call of a helper. */
  setCall(i: number, helper: number): void {
    this.#view.setUint32(i * instructionSize, 0)
    this.setOpcode(i, BPF_CALL)
    this.setImmediate(i, helper)
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

  /** Of a load or store from its register, of a jump to where it leads. */
  offset(i: number): number {
    return this.#view.getInt16(i * instructionSize + 2, this.#littleEndian)
  }

  setOffset(i: number, value: number): void {
    this.#view.setInt16(i * instructionSize + 2, value, this.#littleEndian)
  }

  immediate(i: number): number {
    return this.#view.getInt32(i * instructionSize + 4, this.#littleEndian)
  }

  setImmediate(i: number, value: number): void {
    this.#view.setInt32(i * instructionSize + 4, value, this.#littleEndian)
  }
}
