import { BpfError } from '../errors.ts'
import { fileStatus, systemError } from '../syscall/index.ts'

/**
 * Refuses to change a directory of another user: he could change it at any time, and what it says of pins is his word.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeOurs(directory: number, path: string): void {
  const owner = ownerOf(directory, path)
  if (owner !== thisUser()) throw foreign(path, owner)
}

/**
 * As {@link mustBeOurs}, to use what is pinned there: what root pinned may be used by everybody who can open it.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeTrusted(directory: number, path: string): void {
  const owner = ownerOf(directory, path)
  if (owner !== thisUser() && owner !== 0) throw foreign(path, owner)
}

/** The user that this process acts as. */
export function thisUser(): number {
  return process.geteuid?.() ?? 0
}

function ownerOf(directory: number, path: string): number {
  const status = fileStatus(directory)
  if (typeof status !== 'number') return status.uid
  throw systemError(status, 'statx', { doing: `finding out whose '${path}' is`, path })
}

function foreign(path: string, owner: number): BpfError {
  return new BpfError(`${path} belongs to user ${owner}, and this process is user ${thisUser()}`, {
    code: 'ERR_FOREIGN',
    path,
    hint: 'use another name or root; remove the directory if nobody needs what is in it',
  })
}
