import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { btfParts } from './btf-fields.ts'
import type { Sound } from './damage.ts'
import { elfParts } from './elf-fields.ts'
import type { Part } from './fields.ts'

const known = new Map<string, Sound>()

/** A compiled fixture. */
export function objectSound(name: string): Sound {
  const before = known.get(name)
  if (before) return before
  const url = new URL(`../fixtures/${name}.bpf.o`, import.meta.url)
  const sound = elfSound(name, new Uint8Array(readFileSync(url)))
  known.set(name, sound)
  return sound
}

export function elfSound(name: string, bytes: Uint8Array): Sound {
  return { name, bytes, parts: elfParts(bytes) }
}

export function btfSound(name: string, bytes: Uint8Array): Sound {
  return { name, bytes, parts: btfParts(bytes, 0, bytes.length).filter(part => part.length > 0) }
}

export function textSound(name: string, text: string): Sound {
  return { name, bytes: new TextEncoder().encode(text), parts: [] }
}

/** Only some of its parts, or some of its bytes, are aimed at. */
export function aimedAt(sound: Sound, isAim: (part: Part) => boolean): Sound {
  return { ...sound, parts: sound.parts.filter(isAim) }
}

/** Where a section of an ELF file is that is right: read by itself, not by what is tested. */
export function sectionIn(bytes: Uint8Array, wanted: string): { offset: number; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[5] === 1
  const wide = (at: number): number => Number(view.getBigUint64(at, little))
  const table = wide(40)
  const names = wide(table + 64 * view.getUint16(62, little) + 24)
  for (let i = 1; i < view.getUint16(60, little); i++) {
    const header = table + 64 * i
    const nameAt = names + view.getUint32(header, little)
    const name = Buffer.from(bytes.subarray(nameAt, bytes.indexOf(0, nameAt))).toString('latin1')
    if (name === wanted) return { offset: wide(header + 24), length: wide(header + 32) }
  }
  throw new Error(`there is no section ${wanted}`)
}

export function sectionBytes(bytes: Uint8Array, name: string): Uint8Array {
  const { offset, length } = sectionIn(bytes, name)
  return bytes.subarray(offset, offset + length)
}

export function oneOfSounds(sounds: readonly Sound[]): fc.Arbitrary<Sound> {
  return fc.constantFrom(...sounds)
}
