import { readFileSync } from 'node:fs'
import { btfParts } from './btf-fields.ts'
import type { Sound } from './damage.ts'
import { elfParts } from './elf-fields.ts'
import type { Part } from './fields.ts'

const NOBITS = 8

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

const slim = new Map<string, Sound>()

/** The same without its debug information, which is most of it: its sections stay, with nothing in them. */
export function slimSound(name: string): Sound {
  const before = slim.get(name)
  if (before) return before
  const sound = elfSound(`${name} without debug information`, withoutDebug(objectSound(name).bytes))
  slim.set(name, sound)
  return sound
}

function withoutDebug(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[5] === 1
  const headers = bytes.slice(Number(view.getBigUint64(40, little)))
  const sections = new DataView(headers.buffer)
  const kept: Uint8Array[] = [bytes.slice(0, 64)]
  let end = 64
  for (const [i, { name, type, offset, length }] of sectionsOf(bytes).entries()) {
    const isDebug = /^\.(?:rel)?\.?debug_/.test(name)
    const data = isDebug || type === NOBITS ? new Uint8Array() : bytes.slice(offset, offset + length)
    sections.setBigUint64(64 * i + 24, BigInt(end), little)
    if (isDebug) sections.setBigUint64(64 * i + 32, 0n, little)
    const room = new Uint8Array(8 * Math.ceil(data.length / 8))
    room.set(data)
    kept.push(room)
    end += room.length
  }
  new DataView(kept[0]!.buffer).setBigUint64(40, BigInt(end), little)
  kept.push(headers.subarray(0, 64 * sectionsOf(bytes).length))
  return new Uint8Array(Buffer.concat(kept))
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

interface SectionPlace {
  readonly name: string
  readonly type: number
  readonly offset: number
  readonly length: number
}

/** Where the sections of an ELF file are that is right: read by itself, not by what is tested. */
export function sectionsOf(bytes: Uint8Array): SectionPlace[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[5] === 1
  const wide = (at: number): number => Number(view.getBigUint64(at, little))
  const table = wide(40)
  const names = wide(table + 64 * view.getUint16(62, little) + 24)
  return Array.from({ length: view.getUint16(60, little) }, (_, i) => {
    const header = table + 64 * i
    const nameAt = names + view.getUint32(header, little)
    const name = Buffer.from(bytes.subarray(nameAt, bytes.indexOf(0, nameAt))).toString('latin1')
    const type = view.getUint32(header + 4, little)
    return { name, type, offset: wide(header + 24), length: wide(header + 32) }
  })
}

export function sectionIn(bytes: Uint8Array, wanted: string): { offset: number; length: number } {
  const found = sectionsOf(bytes).find(({ name }) => name === wanted)
  if (!found) throw new Error(`there is no section ${wanted}`)
  return found
}

export function sectionBytes(bytes: Uint8Array, name: string): Uint8Array {
  const { offset, length } = sectionIn(bytes, name)
  return bytes.subarray(offset, offset + length)
}
