import { type Btf, type CoreRelocation, typeName } from '../../btf/index.ts'
import { type Access, pathOf, readAccess } from './access.ts'
import type { Candidate, Candidates } from './candidates.ts'
import { findAccess, type Miss } from './match.ts'
import { refusal } from './refusal.ts'
import { type CoreValue, coreValueOf, misfit } from './value.ts'

/** What becomes of an instruction. */
export interface Resolution {
  /** What the compiler wrote; `undefined` where it could have written something else. */
  readonly expected: bigint | undefined
  /** What is to be there; `undefined`: nothing can be, and the instruction must not be reached. */
  readonly value: bigint | undefined
  /** The sizes in bytes of a load or store there, where they are known and differ. */
  readonly resize: { readonly from: number; readonly to: number } | undefined
  /** Why a load or store is not possible, though the place is known. */
  readonly misfit: string | undefined
  /** What was looked for and what was found instead, for who reaches it after all. */
  readonly explain: () => string
}

interface Match {
  readonly candidate: Candidate
  readonly access: Access
  readonly value: CoreValue | undefined
}

/**
 * Resolves one relocation.
 *
 * @throws BpfError `ERR_CORE` for a relocation that makes no sense, and where candidates differ; BtfError for broken types.
 */
export function resolve(
  btf: Btf,
  relocation: CoreRelocation,
  candidates: Candidates,
  littleEndian: boolean,
): Resolution {
  const { kind, type } = relocation
  const local = readAccess(btf, relocation)
  const original = coreValueOf(kind, local, littleEndian)
  const expected = original?.isCertain ? original.value : undefined
  const fixed = { expected, resize: undefined, misfit: undefined, explain: () => pathOf(local) }
  if (kind === 'type_id_local') return { ...fixed, value: original!.value }
  if (btf.nameOf(type) === '') throw refusal('a type without a name cannot be found in a kernel')

  const misses: { readonly candidate: Candidate; readonly why: Miss }[] = []
  const matches: Match[] = []
  for (const candidate of candidates.of(type)) {
    const found = findAccess(local, kind, candidate.from.btf, candidate.id)
    if ('miss' in found) misses.push({ candidate, why: found })
    else matches.push({ candidate, access: found, value: coreValueOf(kind, found, littleEndian) })
  }
  const [first, ...others] = matches
  if (!first) {
    const explain = (): string => `${pathOf(local)}: ${missesText(misses)}`
    return { ...fixed, value: coreValueOf(kind, undefined, littleEndian)?.value, explain }
  }
  for (const other of others) refuseAmbiguity(local, first, other)
  candidates.narrow(
    type,
    matches.map(({ candidate }) => candidate),
  )
  return { ...fixed, value: first.value?.value, ...memoryChange(local, original, first) }
}

function memoryChange(
  local: Access,
  original: CoreValue | undefined,
  { access, value }: Match,
): Pick<Resolution, 'misfit' | 'resize'> {
  if (!original || !value) return { misfit: undefined, resize: undefined }
  const [from, to] = [original.memory?.size, value.memory?.size]
  const resize = from !== undefined && to !== undefined && from !== to ? { from, to } : undefined
  return { misfit: misfit(local, original, access, value), resize }
}

/** Equal types that differ somewhere else are common (BTF is deduplicated imperfectly); then all must give one answer. */
function refuseAmbiguity(local: Access, a: Match, b: Match): void {
  if (a.access.bitOffset === b.access.bitOffset && a.value?.value === b.value?.value) return
  const told = ({ candidate, access, value }: Match): string =>
    `${placeOf(candidate)} gives ${value?.value ?? 'nothing'}` +
    (a.access.bitOffset === b.access.bitOffset ? '' : ` (bit ${access.bitOffset})`)
  throw refusal(`${pathOf(local)} is ambiguous: ${told(a)}, ${told(b)}`)
}

function missesText(misses: readonly { readonly candidate: Candidate; readonly why: Miss }[]): string {
  if (misses.length === 0) return 'there is no such type'
  return misses.map(({ candidate, why }) => `${placeOf(candidate)} ${why.miss()}`).join('; ')
}

function placeOf({ from, id }: Candidate): string {
  return `${typeName(from.btf, id)} [${id}] of ${from.name}`
}
