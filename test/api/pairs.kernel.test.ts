import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type BpfMap, type Entry, openObject } from '../../src/index.ts'
import { declaredVerdicts, pairObject } from '../plan/pairs.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''

/** What bpftool shows of a map: the numbers in its values by path, by key. Numbers, as some are shown as text. */
type Shown = Map<string, Map<string, bigint>>

function shown(map: BpfMap): Shown {
  const text = execFileSync('bpftool', ['map', 'dump', 'id', String(map.id), '-j'], { encoding: 'utf8' })
  // JSON.parse would round them
  const entries = JSON.parse(text.replace(/([:[,]\s*)(-?\d+)(?=[,\]}])/g, '$1"$2"')) as {
    readonly key: unknown
    readonly formatted?: { readonly key?: unknown; readonly value: unknown }
  }[]
  return new Map(
    entries.map(({ key, formatted }) => {
      const numbers = new Map<string, bigint>()
      walk(formatted?.value, '', numbers)
      return [JSON.stringify(key), numbers]
    }),
  )
}

function walk(value: unknown, path: string, numbers: Map<string, bigint>): void {
  if (typeof value !== 'object' || value === null) {
    numbers.set(path, numberOf(value))
    return
  }
  for (const [name, one] of Object.entries(value)) {
    // a data section is shown as a list of variables; members of a struct without a name are those of what is around it
    const isStep = !(Array.isArray(value) && /^\.\.(data|bss)$/.test(path)) && name !== '(anon)'
    walk(one, isStep ? `${path}.${name}` : path, numbers)
  }
}

function numberOf(value: unknown): bigint {
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value === '(nil)' || value === null) return 0n
  // of an enum there is a name: any number that is the same for the same name
  return /^-?(0x)?[0-9a-f]+$/.test(String(value))
    ? BigInt(String(value))
    : BigInt(`0x${hash(String(value)).slice(0, 8)}`)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Bytes that are never 0, and different for every text. */
function bytesOf(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++)
    bytes[i] = 1 + (Number.parseInt(hash(`${text} ${i >> 5}`).substr(2 * (i & 31), 2), 16) % 255)
  return bytes
}

/** The same value with numbers of up to `most`. */
function small(value: unknown, most: number): unknown {
  if (typeof value === 'bigint') return (BigInt.asUintN(62, value) % BigInt(most)) + 1n
  if (typeof value === 'number') return (Math.abs(value) % most) + 1
  if (Array.isArray(value)) return value.map(one => small(one, most))
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, small(one, most)]))
}

/** Puts something into every byte; or, up to `most`, into every field. */
function fill(map: BpfMap, most: number | undefined): void {
  for (let key = 0; key < map.shape.maxEntries; key++) {
    const number = key as Entry // in all pairs that can be converted
    map.set(number, bytesOf(`${map.name} ${key}`, map.shape.valueSize) as Entry)
    if (most !== undefined) map.set(number, small(map.get(number), most) as Entry)
  }
}

/** What numbers are to be carried where a field may get narrower, and what is another view of the same bytes. */
function mostOf(pair: string, verdict: string): number | undefined {
  if (verdict === 'convertible' || pair.startsWith('union')) return undefined
  return pair === 'int-to-bool' || pair === 'enum-gone' ? 1 : 7
}

/** Fields of the same name that start empty: by their reasons. */
const startEmpty = new Map([
  ['kptr-to-pointer', /^\.task$/],
  ['named-padding-filled', /^\.pad\./],
])

for (const [pair, verdict] of declaredVerdicts()) {
  if (verdict !== 'convertible' && verdict !== 'lossy') continue
  const loses = verdict === 'lossy'
  needs(
    test,
    'root',
    'bpftool',
  )(`the entries of the pair ${pair} are carried by name, on the kernel`, () => {
    using old = openObject(pairObject(pair, 'old'), { root, name: pair }).upgrade()
    for (const map of old.maps) if (isFilled(map)) fill(map, mostOf(pair, verdict))
    const before = new Map([...old.maps].map(map => [map.name, isFilled(map) ? shown(map) : undefined]))
    using fresh = openObject(pairObject(pair, 'new'), { root, name: `${pair}-fresh` }).load()
    const spec = openObject(pairObject(pair, 'new'), { root, name: pair })
    assert.throws(() => spec.upgrade({ onMismatch: loses ? 'convert' : 'refuse' }), /PinMismatch|pinned/)
    using next = spec.upgrade({ onMismatch: loses ? 'convert-lossy' : 'convert' })
    try {
      let compared = 0
      for (const map of next.maps) {
        const was = before.get(map.name)
        if (was) compared += compare(map, was, shown(fresh.maps.get(map.name)), pair)
      }
      assert.ok(compared > 0 || pair === 'inner-grown', 'something is carried')
    } finally {
      next.unpin()
    }
  })
}

function isFilled({ type }: BpfMap): boolean {
  return /^(lru_)?hash$|^array$/.test(type)
}

/** Every number of the new map: that of the old one where it had the name, else what a new map has there. */
function compare(map: BpfMap, was: Shown, initial: Shown, pair: string): number {
  const is = shown(map)
  assert.is(is.size, Math.min(was.size, map.shape.maxEntries), `entries of ${map.name}`)
  let compared = 0
  for (const [key, numbers] of is) {
    const before = was.get(key)
    assert.ok(before, `key ${key}`)
    for (const [path, number] of numbers) {
      const old = startEmpty.get(pair)?.test(path) ? 0n : before.get(path)
      // another view of bytes that were there
      if (old === undefined && pair.startsWith('union')) continue
      assert.is(number, old ?? initial.get(key)?.get(path) ?? 0n, `${map.name} ${key} ${path}`)
      if (old !== undefined) compared++
    }
  }
  return compared
}

test.run()
