import { BpfError } from '../errors.ts'
import type { BpfLink } from '../link/index.ts'
import { isOutside, type Place, partPlace } from '../plan/layout.ts'
import type { PinRecord } from '../plan/manifest.ts'
import { linkInfo, systemError } from '../syscall/index.ts'

/** Links by name, and under names of their own what else belongs to them. */
export function withParts(links: ReadonlyMap<string, BpfLink>): Map<string, { readonly fd: number }> {
  const all = new Map<string, { readonly fd: number }>(links)
  for (const [name, { parts }] of links) {
    const place = { kind: 'link', name, file: '' } as const
    for (const [i, fd] of parts.entries()) all.set(partPlace(place, i + 2).name, { fd })
  }
  return all
}

/**
 * The pins of what else belongs to a link.
 *
 * @throws BpfError `ERR_UNPINNABLE` for one that is to be pinned at a path of its own, which is one.
 */
export function partRecords({ name, parts }: BpfLink, place: Place): PinRecord[] {
  if (parts.length > 0 && isOutside(place.file)) {
    throw new BpfError(`link '${name}' cannot be pinned at ${place.file}: it is ${parts.length + 1} links`, {
      code: 'ERR_UNPINNABLE',
      path: place.file,
      hint: 'the kernel has one link for all places of a probe since Linux 6.6: leave out its link.pinPath',
    })
  }
  return parts.map((fd, i) => ({ ...partPlace(place, i + 2), id: linkId(fd, name) }))
}

function linkId(fd: number, name: string): number {
  const info = linkInfo(fd)
  if (typeof info !== 'number') return info.id
  const doing = `reading information about link '${name}'`
  throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing })
}
