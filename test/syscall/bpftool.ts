import { execFileSync } from 'node:child_process'

/** What bpftool says, as JSON: `bpftool('map', 'show', 'id', '7')`. */
export function bpftool<T = Record<string, unknown>>(...args: string[]): T {
  return JSON.parse(execFileSync('bpftool', ['--json', ...args], { encoding: 'utf8' }))
}

/** `r0 = value; exit`. */
export function returning(value: number): Uint8Array {
  const instructions = new DataView(new ArrayBuffer(16))
  instructions.setUint8(0, 0xb7)
  instructions.setInt32(4, value, true)
  instructions.setUint8(8, 0x95)
  return new Uint8Array(instructions.buffer)
}

/** A descriptor, or a failed test. */
export function opened(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`)
  return result
}
