import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ElfError, parseElf } from '../../src/elf/index.ts'
import { cores, numbers, objects } from '../parser/documents.ts'

const runs = 5000

/** Everything that a file holds, or the error; as text, to be compared. */
function outcome(bytes: Uint8Array, core: 'wasm' | 'twin'): string {
  try {
    const elf = parseElf(bytes, { core })
    const parts: unknown[] = [elf.littleEndian, elf.machine, elf.symbolCount]
    for (const section of elf.sections) {
      parts.push(section.name, section.size, elf.rangeOf(section))
      parts.push(attempt(() => elf.symbolsIn(section.index)))
      parts.push(attempt(() => elf.relocations(section.index)))
    }
    return JSON.stringify(parts)
  } catch (error) {
    return messageOf(error)
  }
}

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return messageOf(error)
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ElfError && error.code === 'ERR_ELF') return `refused: ${error.message}`
  throw error
}

/** Where damage does most: the header, the section headers, the symbols, the relocations; or anywhere. */
function places(bytes: Uint8Array): (random: (limit: number) => number) => number {
  const elf = parseElf(bytes)
  const headers = Number(new DataView(bytes.buffer).getBigUint64(40, elf.littleEndian))
  const ranges: [number, number][] = [
    [0, 64],
    [headers, 64 * elf.sections.length],
    [0, bytes.length],
  ]
  for (const section of elf.sections) {
    if ([2, 3, 9].includes(section.type) && section.size > 0) ranges.push([section.offset, section.size])
  }
  return random => {
    const [start, length] = ranges[random(ranges.length)]!
    return start + random(length)
  }
}

const interesting = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff]

function damaged(
  bytes: Uint8Array,
  place: ReturnType<typeof places>,
  random: (limit: number) => number,
): Uint8Array {
  const copy = bytes.slice()
  for (let n = 1 + random(3); n > 0; n--) {
    const value = random(2) === 0 ? interesting[random(interesting.length)]! : random(256)
    const at = place(random)
    copy.fill(value, at, at + (random(8) === 0 ? 8 : 1))
  }
  return random(20) === 0 ? copy.slice(0, random(copy.length)) : copy
}

test(`${runs.toLocaleString('en')} damaged objects are read alike by both scanners, or refused as such`, () => {
  const random = numbers(2)
  const fixtures = objects()
    .filter(({ bytes }) => bytes.length < 20_000)
    .map(({ name, bytes }) => ({ name, bytes, place: places(bytes) }))
  let refused = 0
  for (let run = 0; run < runs; run++) {
    const { name, bytes, place } = fixtures[run % fixtures.length]!
    const copy = damaged(bytes, place, random)
    const [wasm, twin] = cores.map(core => outcome(copy, core)) as [string, string] // two
    assert.is(wasm, twin, `run ${run}, ${name}`)
    if (wasm.startsWith('refused')) refused++
  }
  // the damage must neither miss nor always hit the first check
  assert.ok(refused > runs / 10 && refused < runs, `${refused} were refused`)
})

test.run()
