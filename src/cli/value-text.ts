import type { Value } from '../btf/index.ts'
import { visible } from './visible.ts'

/** A decoded value on one line, as C would initialise it: `{calls: 5, name: "node", mac: 02 42 ac}`. */
export function valueText(value: Value | Uint8Array | readonly (Value | Uint8Array)[]): string {
  // JSON leaves some characters as they are that move a terminal's cursor
  if (typeof value === 'string') return visible(JSON.stringify(value))
  if (typeof value !== 'object') return String(value)
  if (value instanceof Uint8Array) return bytesText(value)
  // a readonly array is not narrowed by Array.isArray
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(valueText).join(', ')}]`
  const fields = Object.entries(value as Readonly<Record<string, Value>>)
  return `{${fields.map(([name, field]) => `${visible(name)}: ${valueText(field)}`).join(', ')}}`
}

/** A variable and its value, as C would assign it. */
export function assignmentText(name: string, value: Parameters<typeof valueText>[0]): string {
  return `${visible(name)} = ${valueText(value)}`
}

/** So many zeros at the end are counted: a path or name in a large array would fill screens with them. */
const manyZeros = 16

/** As a hexdump: `02 42 ac 11`. */
function bytesText(bytes: Uint8Array): string {
  const length = bytes.findLastIndex(byte => byte !== 0) + 1
  const zeros = bytes.length - length
  const shown = zeros < manyZeros ? bytes : bytes.subarray(0, length)
  const text = Array.from(shown, byte => byte.toString(16).padStart(2, '0'))
  return [...text, ...(zeros < manyZeros ? [] : [`(${zeros} zeros)`])].join(' ')
}
