import { machineIsLittleEndian } from '../../btf/byte-order.ts'
import { BpfError } from '../../errors.ts'
import { instructionSize, pseudo } from '../instructions.ts'

/** One of the eleven registers; `r10` is the frame pointer and cannot be written. */
export interface Register {
  readonly register: number
}

export const r0: Register = { register: 0 }
export const r1: Register = { register: 1 }
export const r2: Register = { register: 2 }
export const r3: Register = { register: 3 }
export const r4: Register = { register: 4 }
export const r5: Register = { register: 5 }
export const r6: Register = { register: 6 }
export const r7: Register = { register: 7 }
export const r8: Register = { register: 8 }
export const r9: Register = { register: 9 }
export const r10: Register = { register: 10 }

/** A register, or a constant of 32 bits that is extended by its sign. */
export type Operand = Register | number

/** Bytes of one access to memory. */
export type Width = 1 | 2 | 4 | 8

/** A place in the code that is jumped to; {@link Assembler.place} says where it is. */
export interface Label {
  readonly label: number
}

// Documentation/bpf/standardization/instruction-set.rst
const classOf = { LDX: 0x01, ST: 0x02, STX: 0x03, JMP: 0x05, ALU64: 0x07 } as const
const widthBits: Readonly<Record<Width, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 }
const fromRegister = 0x08
const modeMemory = 0x60
const modeAtomic = 0xc0
const wideLoad = 0x18
const call = 0x85
const exit = 0x95
const jumpAlways = 0x05

const aluOperations = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
} as const

const jumpConditions = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  '<': 0xa0,
  '<=': 0xb0,
} as const

const atomicOperations = { add: 0x00, or: 0x40, and: 0x50, xor: 0xa0, exchange: 0xe1, compareExchange: 0xf1 }

export type AluOperation = keyof typeof aluOperations
/** Unsigned comparisons; `&` jumps where any of the bits is set. */
export type Condition = keyof typeof jumpConditions
export type AtomicOperation = keyof typeof atomicOperations

/** What a jump, a call or the address of a function needs once its label has a place. */
interface Reference {
  readonly at: number
  readonly label: Label
  readonly field: 'offset' | 'immediate'
}

/**
 * Puts BPF instructions together, one method each, in the byte order of this machine. What the kernel's verifier checks
 * is not checked here.
 *
 * @example
 * const code = new Assembler()
 * code.alu('mov', r0, 7)
 * code.exit()
 * progLoad({ type: programTypes.syscall, instructions: code.finish(), license: 'GPL', flags: 16 })
 */
export class Assembler {
  #bytes = new Uint8Array(64 * instructionSize)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  readonly #places: number[] = []
  readonly #references: Reference[] = []

  /** How many slots there are so far; an immediate of 64 bits takes two. */
  get length(): number {
    return this.#length
  }

  label(): Label {
    return { label: this.#places.push(-1) - 1 }
  }

  /** The label is here: where the next instruction will be. */
  place(label: Label): void {
    this.#places[label.label] = this.#length
  }

  /** Where a label was placed, counted in slots. */
  placeOf(label: Label): number {
    const place = this.#places[label.label] ?? -1
    if (place < 0) throw new BpfError('a label of the assembled program has no place', { code: 'ERR_VALUE' })
    return place
  }

  /** `to = to OPERATION by`, in 64 bits. */
  alu(operation: AluOperation, to: Register, by: Operand): void {
    const code = classOf.ALU64 | aluOperations[operation]
    if (typeof by === 'number') this.#put(code, to.register, 0, 0, by)
    else this.#put(code | fromRegister, to.register, by.register, 0, 0)
  }

  /** `to = *(from + offset)`, zeros in front. */
  load(width: Width, to: Register, from: Register, offset: number): void {
    this.#put(classOf.LDX | modeMemory | widthBits[width], to.register, from.register, offset, 0)
  }

  /** `*(to + offset) = value`. */
  store(width: Width, to: Register, offset: number, value: Operand): void {
    const code = modeMemory | widthBits[width]
    if (typeof value === 'number') this.#put(code | classOf.ST, to.register, 0, offset, value)
    else this.#put(code | classOf.STX, to.register, value.register, offset, 0)
  }

  /**
   * `*(to + offset) OPERATION= value`, in one step; of an exchange `value` becomes what was there, and a
   * `compareExchange` writes `value` where there is what `r0` holds, and leaves what was there in `r0`. All but `add`
   * need Linux 5.12.
   */
  atomic(operation: AtomicOperation, width: 4 | 8, to: Register, offset: number, value: Register): void {
    const code = classOf.STX | modeAtomic | widthBits[width]
    this.#put(code, to.register, value.register, offset, atomicOperations[operation])
  }

  /** `to = value`, any 64 bits. */
  immediate(to: Register, value: bigint): void {
    const bits = BigInt.asUintN(64, value)
    this.#wide(to, 0, Number(bits & 0xffffffffn), Number(bits >> 32n))
  }

  /** `to` = the map, as helpers take it. */
  map(to: Register, fd: number): void {
    this.#wide(to, pseudo.MAP_FD, fd, 0)
  }

  /** `to` = the address of a byte in the value of an array map of one entry. Linux 5.2. */
  mapValue(to: Register, fd: number, offset: number): void {
    this.#wide(to, pseudo.MAP_VALUE, fd, offset)
  }

  /** `to` = a function of this program, for a helper that calls it; the program needs function information. Linux 5.13. */
  functionAddress(to: Register, label: Label): void {
    this.#references.push({ at: this.#length, label, field: 'immediate' })
    this.#wide(to, pseudo.FUNC, 0, 0)
  }

  /** Calls a helper by its number (enum bpf_func_id). */
  helper(number: number): void {
    this.#put(call, 0, 0, 0, number)
  }

  /** Calls a function of this program. */
  callFunction(label: Label): void {
    this.#references.push({ at: this.#length, label, field: 'immediate' })
    this.#put(call, 0, pseudo.CALL, 0, 0)
  }

  jump(label: Label): void {
    this.#references.push({ at: this.#length, label, field: 'offset' })
    this.#put(jumpAlways, 0, 0, 0, 0)
  }

  /** Jumps where `left CONDITION right`, in 64 bits. */
  jumpIf(left: Register, condition: Condition, right: Operand, label: Label): void {
    this.#references.push({ at: this.#length, label, field: 'offset' })
    const code = classOf.JMP | jumpConditions[condition]
    if (typeof right === 'number') this.#put(code, left.register, 0, 0, right)
    else this.#put(code | fromRegister, left.register, right.register, 0, 0)
  }

  exit(): void {
    this.#put(exit, 0, 0, 0, 0)
  }

  /**
   * The instructions, as BPF_PROG_LOAD takes them.
   *
   * @throws BpfError `ERR_VALUE` for a label without a place, a jump over more than 32,767 instructions, an offset of
   * more than 16 bits.
   */
  finish(): Uint8Array<ArrayBuffer> {
    for (const { at, label, field } of this.#references) {
      const distance = this.placeOf(label) - at - 1
      if (field === 'immediate')
        this.#view.setInt32(at * instructionSize + 4, distance, machineIsLittleEndian)
      else this.#setOffset(at, distance, 'a jump')
    }
    return this.#bytes.slice(0, this.#length * instructionSize)
  }

  #wide(to: Register, source: number, low: number, high: number): void {
    this.#put(wideLoad, to.register, source, 0, low)
    this.#put(0, 0, 0, 0, high)
  }

  #put(code: number, to: number, from: number, offset: number, immediate: number): void {
    const at = this.#length * instructionSize
    if (at === this.#bytes.length) this.#grow()
    this.#bytes[at] = code
    // the nibbles change places with the byte order
    this.#bytes[at + 1] = machineIsLittleEndian ? (from << 4) | to : (to << 4) | from
    this.#setOffset(this.#length, offset, 'an offset')
    this.#view.setInt32(at + 4, immediate, machineIsLittleEndian)
    this.#length++
  }

  #setOffset(at: number, offset: number, what: string): void {
    if (offset < -0x8000 || offset > 0x7fff) {
      throw new BpfError(`${what} of ${offset} in an assembled program does not fit 16 bits`, {
        code: 'ERR_VALUE',
      })
    }
    this.#view.setInt16(at * instructionSize + 2, offset, machineIsLittleEndian)
  }

  #grow(): void {
    const bytes = new Uint8Array(2 * this.#bytes.length)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}
