import { BpfError } from '../errors.ts'
import { closeFd, duplicateFd, systemError } from '../syscall/index.ts'
import type { BpfMap } from './map.ts'

/** Buffers that a reader of this thread is open for, by the map's id. */
const claimed = new Set<number>()

/** The right to be the reader of a buffer, and a descriptor of the map, which stays when the map's own is closed. */
export interface ReaderClaim {
  readonly fd: number
  release(): void
}

/**
 * @param kind as a person calls it: `'ring buffer'`
 * @throws BpfError `ERR_READERS` where this thread reads the buffer already, `ERR_READ_ONLY` for a map that was opened for
 * reading only: who reads writes, too.
 */
export function claimBuffer(map: BpfMap, kind: string): ReaderClaim {
  const { id, name } = map
  if (claimed.has(id)) {
    throw new BpfError(`reading ${kind} '${name}': there is a reader in this thread already`, {
      code: 'ERR_READERS',
      hint: 'each record is read once; close the other reader',
    })
  }
  if (map.readOnly) {
    throw new BpfError(`${kind} '${name}' was opened for reading only: taking a record changes it`, {
      code: 'ERR_READ_ONLY',
      hint: 'open it without readOnly',
    })
  }
  const fd = duplicateFd(map.fd)
  if (fd < 0) throw systemError(fd, 'fcntl', { doing: `reading ${kind} '${name}'` })
  claimed.add(id)
  return {
    fd,
    release() {
      closeFd(fd)
      claimed.delete(id)
    },
  }
}
