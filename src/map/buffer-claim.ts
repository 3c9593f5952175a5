import { BpfError } from '../errors.ts'
import { closeFd, duplicateFd, notForgotten, systemError, whenForgotten } from '../syscall/index.ts'
import type { BpfMap } from './map.ts'

/** Buffers that are read, or written to, by this thread, by the map's id. */
const claimed = new Set<number>()

/** The right to be the one who reads a buffer, or writes to it, and a descriptor of the map, which stays when the map's own is closed. */
export interface BufferClaim {
  readonly fd: number
  release(): void
}

/**
 * @param kind as a person calls it: `'ring buffer'`
 * @throws BpfError `ERR_IN_USE` where this thread has it already, `ERR_READ_ONLY` for a map that was opened for
 * reading only: whoever takes a record changes the buffer.
 */
export function claimBuffer(map: BpfMap, kind: string): BufferClaim {
  const { id, name } = map
  if (claimed.has(id)) {
    throw new BpfError(`${kind} '${name}' is in use already, in this thread`, {
      code: 'ERR_IN_USE',
      hint: 'a buffer has one reader, or one writer: close the other',
    })
  }
  if (map.readOnly) {
    throw new BpfError(
      `${kind} '${name}' was opened for reading only, and changes when a record is taken or written`,
      {
        code: 'ERR_READ_ONLY',
        hint: 'open it without readOnly',
      },
    )
  }
  const fd = duplicateFd(map.fd)
  if (fd < 0) throw systemError(fd, 'fcntl', { doing: `opening ${kind} '${name}'` })
  claimed.add(id)
  const release = releasing(fd, id)
  const claim = {
    fd,
    release() {
      notForgotten(claim)
      release()
    },
  }
  whenForgotten(claim, { what: `the reader or writer of ${kind} '${name}'`, release })
  return claim
}

/** Refers to nothing else: a closure keeps what its neighbours use. */
function releasing(fd: number, id: number): () => void {
  return () => {
    closeFd(fd)
    claimed.delete(id)
  }
}
