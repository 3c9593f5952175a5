import { ElfError } from '../../errors.ts'
import { viewOf } from '../../parser/view.ts'

/** One place of a USDT probe: what a note in `.note.stapsdt` says (systemtap's UserSpaceProbeImplementation). */
export interface UsdtNote {
  readonly provider: string
  readonly name: string
  /** Where its arguments are: `'-4@%edi 8@-24(%rbp)'`; empty for a probe without any. */
  readonly arguments: string
  /** Address of the probe, in a binary that was linked when the base was at {@link base}. */
  readonly location: number
  /** Address of `.stapsdt.base`, which moves with everything else when a binary is prelinked. */
  readonly base: number
  /** Address of the counter that says whether anybody looks at the probe; 0 where it has none. */
  readonly semaphore: number
}

/** Elf64_Nhdr: three words, for the sizes of the owner's name and of what follows, and the type. */
const headerSize = 12
const NT_STAPSDT = 3
const owner = 'stapsdt\0'
const addresses = 3 * 8
const utf8 = /* @__PURE__ */ new TextDecoder()

/**
 * Reads the notes of a little-endian 64-bit binary; what others left in the section is passed over.
 *
 * @param alignment of the section: what each part of a note is padded to
 * @param where the section is, for errors
 * @throws ElfError for notes that end too early.
 */
export function* decodeUsdtNotes(
  section: Uint8Array,
  alignment: number,
  where: string,
): IterableIterator<UsdtNote> {
  const view = viewOf(section)
  const step = alignment === 8 ? 8 : 4
  for (let at = 0; at < section.length; ) {
    const note = `${where}/note at ${at}`
    if (at + headerSize > section.length) throw new ElfError(note, 'has no room for its header')
    const nameSize = view.getUint32(at, true)
    const size = view.getUint32(at + 4, true)
    const start = aligned(at + headerSize + nameSize, step)
    if (start + size > section.length) {
      throw new ElfError(note, `has ${size} bytes at ${start}, of ${section.length} in its section`)
    }
    const isProbe = view.getUint32(at + 8, true) === NT_STAPSDT && nameSize === owner.length
    if (isProbe && latin1(section, at + headerSize, nameSize) === owner) {
      yield decodeNote(section.subarray(start, start + size), note)
    }
    at = aligned(start + size, step)
  }
}

function decodeNote(bytes: Uint8Array, where: string): UsdtNote {
  if (bytes.length < addresses) throw new ElfError(where, 'has no room for its addresses')
  const view = viewOf(bytes)
  const provider = text(bytes, addresses, 'provider', where)
  const name = text(bytes, provider.end, 'name', where)
  if (name.text === '') throw new ElfError(where, 'has an empty name')
  const { text: places } = text(bytes, name.end, 'arguments', where)
  return {
    provider: provider.text,
    name: name.text,
    // in a `:` some compilers put what follows the arguments
    arguments: places.startsWith(':') ? '' : places,
    location: address(view, 0),
    base: address(view, 8),
    semaphore: address(view, 16),
  }
}

function text(bytes: Uint8Array, start: number, what: string, where: string): { text: string; end: number } {
  const end = bytes.indexOf(0, start)
  if (end < 0) throw new ElfError(where, `its ${what} does not end`)
  return { text: utf8.decode(bytes.subarray(start, end)), end: end + 1 }
}

function latin1(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length))
}

/** Far beyond every file where it is not exact. */
function address(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}

function aligned(at: number, step: number): number {
  return Math.ceil(at / step) * step
}
