import { didYouMean } from '../btf/index.ts'
import { BpfError, ElfError } from '../errors.ts'
import { parseUsdtArguments, type UsdtArgument, type UsdtMachine } from '../spec/usdt/arguments.ts'
import { decodeUsdtNotes, type UsdtNote } from '../spec/usdt/notes.ts'
import { BinaryFile } from './binary-file.ts'

/** One of the places at which a probe is in a binary. */
export interface UsdtSite {
  /** Of its instruction in the file, in bytes. */
  readonly offset: number
  /** Of its semaphore in the file, in bytes; 0 where it has none. */
  readonly semaphore: number
  readonly arguments: readonly UsdtArgument[]
}

const SHT_NOTE = 7
/** Room for half a million places. */
const longestSection = 2 ** 26
const machines: Partial<Record<NodeJS.Architecture, UsdtMachine>> = { x64: 'x86-64', arm64: 'arm64' }

/**
 * All places of the probe `provider:name` in a binary, of which nothing but headers and notes is read.
 *
 * @throws BpfError `ERR_NO_TARGET` where there is no such probe, `ERR_UNSUPPORTED` for arguments that cannot be read and
 * binaries of another machine; ElfError for what is no binary, or notes that break the format.
 */
export function usdtSites(path: string, probe: string, doing: string): UsdtSite[] {
  using file = new BinaryFile(path, doing)
  const machine = machines[process.arch]
  if (file.machine !== machine) {
    throw new BpfError(
      `${doing}: ${path} is for ${file.machine}, this machine is ${machine ?? process.arch}`,
      {
        code: 'ERR_UNSUPPORTED',
      },
    )
  }
  const parsed = new Map<string, UsdtArgument[]>()
  const argumentsOf = (text: string): UsdtArgument[] => {
    const known = parsed.get(text) ?? parseUsdtArguments(text, machine, doing)
    parsed.set(text, known)
    return known
  }
  const base = file.sectionsNamed('.stapsdt.base')[0]?.address ?? 0
  const names = new Set<string>()
  const sites: UsdtSite[] = []
  for (const note of notesOf(file)) {
    const name = `${note.provider}:${note.name}`
    names.add(name)
    if (name !== probe) continue
    sites.push({ ...placesOf(file, note, base, doing), arguments: argumentsOf(note.arguments) })
  }
  if (sites.length === 0) throw noProbe(path, probe, names, doing)
  return sites
}

function* notesOf(file: BinaryFile): IterableIterator<UsdtNote> {
  for (const section of file.sectionsNamed('.note.stapsdt')) {
    const where = `${file.path}: .note.stapsdt`
    if (section.type !== SHT_NOTE)
      throw new ElfError(where, `is a section of type ${section.type}, not of notes`)
    if (section.size > longestSection)
      throw new ElfError(where, `has ${section.size} bytes, more than are read`)
    const { buffer } = file.readSection(section, '.note.stapsdt')
    yield* decodeUsdtNotes(new Uint8Array(buffer), section.alignment, where)
  }
}

/** Addresses are those that the binary had when it was linked: whoever moves it moves the base as well. */
function placesOf(
  file: BinaryFile,
  note: UsdtNote,
  base: number,
  doing: string,
): Pick<UsdtSite, 'offset' | 'semaphore'> {
  const moved = base !== 0 && note.base !== 0 ? base - note.base : 0
  const location = note.location + moved
  const offset = file.offsetOf(location)
  if (offset === undefined) throw nowhere(file, `is at ${hex(location)}, where the file has no code`, doing)
  if (note.semaphore === 0) return { offset, semaphore: 0 }
  const counter = note.semaphore + moved
  const semaphore = file.dataOffsetOf(counter)
  if (semaphore !== undefined) return { offset, semaphore }
  throw nowhere(file, `has its semaphore at ${hex(counter)}, where the file has no data`, doing)
}

function nowhere({ path }: BinaryFile, problem: string, doing: string): BpfError {
  return new BpfError(`${doing}: a place of the probe ${problem}`, {
    code: 'ERR_NO_TARGET',
    path,
    hint: `see the notes and segments of the binary: readelf -nl ${path}`,
  })
}

function noProbe(path: string, probe: string, names: ReadonlySet<string>, doing: string): BpfError {
  const has = names.size === 0 ? 'no USDT probes' : `no USDT probe '${probe}'${didYouMean(probe, names)}`
  return new BpfError(`${doing}: ${path} has ${has}`, {
    code: 'ERR_NO_TARGET',
    path,
    hint:
      names.size === 0
        ? 'it was built without them, or they were stripped: it has no notes in .note.stapsdt'
        : `those that it has are listed by: readelf -n ${path}`,
  })
}

function hex(address: number): string {
  return `0x${address.toString(16)}`
}
