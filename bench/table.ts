import type { Result } from './row.ts'
import type { Scale } from './scale.ts'

const widths = [30, 9, 11, 11, 11, 11, 10, 9, 7] as const

/** What the columns are, and which way is better. */
export function header(): string {
  return `Medians. x libbpf, x floor: ours divided by theirs; of costs less is better, of rates (/s) more is better.
scale: what one costs, divided by what one costs at n = 1024 or at the row's smallest n; (that of the floor, or of libbpf).
At the end the middle half of our own measurements.

${columns(['', 'n', 'ours', 'libbpf', 'floor', 'unit', 'x libbpf', 'x floor', 'scale'])}`
}

/** The middle half of our measurements stands behind: a wide one says that the machine was busy. */
export function line(result: Result, scale: Scale | undefined): string {
  const { name, n, ours, libbpf, floor, unit, vsLibbpf, vsFloor, spread } = result
  const values = [ours, libbpf, floor].map(value => (value === null ? '-' : digits(value)))
  const ratios = [vsLibbpf, vsFloor].map(ratio => (ratio === null ? '-' : ratio.toFixed(2)))
  const texts = [name, n === null ? '' : String(n), ...values, unit, ...ratios, scale?.ours.toFixed(2) ?? '']
  const peers = scale?.floor ?? scale?.libbpf
  const theirs = peers == null ? '' : `(${peers.toFixed(2)})`
  return `${columns(texts)} ${theirs.padEnd(7)} ${spread.map(digits).join('..')}`
}

function columns(texts: readonly string[]): string {
  return texts.map((text, i) => (i === 0 ? text.padEnd(widths[0]) : text.padStart(widths[i] ?? 0))).join('')
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
