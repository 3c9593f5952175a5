import { kernelVersion } from '../object/kernel-version.ts'
import type { Manifest } from '../plan/manifest.ts'
import { programTypes } from '../spec/kernel.ts'
import {
  closeFd,
  ENOENT,
  linkGetFdById,
  linkGetNextId,
  linkInfo,
  type ProgInfo,
  progGetFdById,
} from '../syscall/index.ts'

/** More than that nobody keeps open; the latest are kept. */
const most = 4096

/**
 * Programs of generations that are gone, as far as somebody still holds them: those of the generation that another takes the
 * place of, and what the kernel still has of those before. Without those that had no link: they are run by others, who may have
 * attached them in ways that nothing in the kernel tells of (ip, tc, a socket).
 */
export function formerPrograms({ pins, links, former = [] }: Manifest): readonly number[] {
  const linked = new Set(links.map(({ program }) => program))
  const left = pins.flatMap(({ kind, name, id }) => (kind === 'program' && linked.has(name) ? [id] : []))
  return [...former.filter(isThere), ...left].slice(-most)
}

/** Of a kernel that does not say so, too: looking up by id takes CAP_SYS_ADMIN. */
function isThere(id: number): boolean {
  const fd = progGetFdById(id)
  if (fd >= 0) closeFd(fd)
  return fd !== ENOENT
}

/**
 * Those of some former programs that do nothing any more but be held. Each had a link, so what is attached is there as one, but
 * for programs that a struct_ops map registers, and those of perf events before Linux 5.15.
 */
export function idlePrograms(former: readonly ProgInfo[]): ReadonlySet<number> {
  if (former.length === 0) return new Set()
  const linked = linkedPrograms()
  if (!linked) return new Set()
  const isIdle = ({ id, type }: ProgInfo): boolean => !linked.has(id) && !runsWithoutLink(type)
  return new Set(former.filter(isIdle).map(({ id }) => id))
}

const perfLinks = 0x05_0f_00
const ofPerfEvents: readonly number[] = [
  programTypes.kprobe,
  programTypes.tracepoint,
  programTypes.perf_event,
]

function runsWithoutLink(type: number): boolean {
  return type === programTypes.struct_ops || (ofPerfEvents.includes(type) && kernelVersion() < perfLinks)
}

/** By id, of all links of the system; `undefined` for who may not see them. */
function linkedPrograms(): ReadonlySet<number> | undefined {
  const linked = new Set<number>()
  let id = linkGetNextId(0)
  for (; id > 0; id = linkGetNextId(id)) {
    const fd = linkGetFdById(id)
    if (fd === ENOENT) continue // it went meanwhile
    if (fd < 0) return undefined
    const info = linkInfo(fd)
    closeFd(fd)
    if (typeof info !== 'number') linked.add(info.progId)
  }
  return id === ENOENT ? linked : undefined
}
