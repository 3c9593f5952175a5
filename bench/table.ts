import type { Result } from './row.ts'

const widths = [18, 8, 11, 11, 11, 11, 10, 9] as const

export function header(): string {
  return columns(['', 'n', 'ours', 'libbpf', 'floor', 'unit', 'x libbpf', 'x floor'])
}

/** The middle half of our measurements stands behind: a wide one says that the machine was busy. */
export function line({ name, n, ours, libbpf, floor, unit, vsLibbpf, vsFloor, spread }: Result): string {
  const values = [ours, libbpf, floor].map(value => (value === null ? '-' : digits(value)))
  const ratios = [vsLibbpf, vsFloor].map(ratio => (ratio === null ? '-' : ratio.toFixed(2)))
  const size = n === null ? '' : String(n)
  return `${columns([name, size, ...values, unit, ...ratios])}   ${spread.map(digits).join('..')}`
}

function columns(texts: readonly string[]): string {
  return texts.map((text, i) => (i === 0 ? text.padEnd(widths[0]) : text.padStart(widths[i] ?? 0))).join('')
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
