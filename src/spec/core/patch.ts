import { type Instructions, opcode } from '../instructions.ts'
import { poison } from '../poison.ts'
import { refusal } from './refusal.ts'
import type { Resolution } from './resolve.ts'

const largestOffset = 0x7fff

/**
 * Writes a resolved relocation into its instruction: a constant, the offset of a load or store, or a poisoned call.
 *
 * @returns why the instruction is poisoned, if it is
 * @throws BpfError `ERR_CORE` for an instruction that is not the one that the compiler relocated.
 */
export function patch(code: Instructions, at: number, resolution: Resolution): (() => string) | undefined {
  switch (opcode.classOf(code.opcode(at))) {
    case 'alu':
    case 'alu64':
      if (opcode.isByRegister(code.opcode(at))) throw notRelocatable(code, at)
      return patchImmediate(code, at, resolution)
    case 'ldx':
    case 'st':
    case 'stx':
      return patchMemory(code, at, resolution)
    case 'ld':
      return patchWideLoad(code, at, resolution)
    default:
      throw notRelocatable(code, at)
  }
}

function patchImmediate(
  code: Instructions,
  at: number,
  { value, expected, explain }: Resolution,
): (() => string) | undefined {
  if (value === undefined) return poisoned(code, at, 1, explain)
  refuseUnexpected(BigInt.asUintN(64, BigInt(code.immediate(at))), expected)
  code.setImmediate(at, Number(BigInt.asIntN(32, value)))
  return undefined
}

function patchMemory(code: Instructions, at: number, resolution: Resolution): (() => string) | undefined {
  const { value, expected, misfit, resize, explain } = resolution
  if (value === undefined) return poisoned(code, at, 1, explain)
  refuseUnexpected(BigInt.asUintN(64, BigInt(code.offset(at))), expected)
  if (value > largestOffset)
    throw refusal(`its offset is ${value}, a load or store takes ${largestOffset} at most`)
  if (misfit !== undefined) return poisoned(code, at, 1, () => `${explain()}: ${misfit}`)
  if (resize) {
    const size = opcode.memorySize(code.opcode(at))
    if (size !== resize.from)
      throw refusal(`the instruction moves ${size} bytes, its field has ${resize.from}`)
    const resized = opcode.withMemorySize(code.opcode(at), resize.to)
    if (resized === undefined) throw refusal(`no load or store moves ${resize.to} bytes`)
    code.setOpcode(at, resized)
  }
  code.setOffset(at, Number(value))
  return undefined
}

function patchWideLoad(
  code: Instructions,
  at: number,
  { value, expected, explain }: Resolution,
): (() => string) | undefined {
  const isPlain =
    code.isWideLoad(at) && code.isBare(at + 1) && code.sourceRegister(at) === 0 && code.offset(at) === 0
  if (!isPlain) throw notRelocatable(code, at)
  if (value === undefined) return poisoned(code, at, 2, explain)
  const low = BigInt.asUintN(32, BigInt(code.immediate(at)))
  refuseUnexpected(low | (BigInt.asUintN(32, BigInt(code.immediate(at + 1))) << 32n), expected)
  code.setImmediate(at, Number(BigInt.asIntN(32, value)))
  code.setImmediate(at + 1, Number(BigInt.asIntN(32, value >> 32n)))
  return undefined
}

function refuseUnexpected(found: bigint, expected: bigint | undefined): void {
  if (expected === undefined || found === expected) return
  const signed = (value: bigint): bigint => BigInt.asIntN(64, value)
  throw refusal(`the instruction has ${signed(found)}, by the object's own types it is ${signed(expected)}`)
}

function poisoned(code: Instructions, at: number, slots: number, why: () => string): () => string {
  for (let i = at; i < at + slots; i++) code.setCall(i, poison.core)
  return why
}

function notRelocatable(code: Instructions, at: number): Error {
  return refusal(
    `its instruction, 0x${code.opcode(at).toString(16)}, has no constant that could be relocated`,
  )
}
