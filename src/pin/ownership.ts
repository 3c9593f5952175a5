import { BpfError } from '../errors.ts'
import { type FileStatus, fileStatus, isInUserNamespace, systemError } from '../syscall/index.ts'

/** Whose pins may be used besides root's and this user's own: those of one user more, or anybody's. */
export type Owner = number | 'any'

/**
 * Refuses to change a directory of another user: he could change it at any time, and what it says of pins is his word.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeOurs(directory: number, path: string): void {
  const { uid } = statusOf(directory, path)
  if (uid !== thisUser()) throw foreign(path, uid)
}

/**
 * As {@link mustBeOurs}, to use what is pinned there: what root pinned may be used by everybody who can open it.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeTrusted(directory: number, path: string, owner?: Owner): void {
  if (owner === 'any') return
  mustBeKept(statusOf(directory, path), path, owner)
}

/**
 * Refuses a directory in which, or in one above it on the same file system, somebody else could put another thing in the
 * place of what is there: another user's, and one that all may write to where it is not sticky.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeSafe(directory: number, path: string, owner?: Owner): void {
  if (owner === 'any') return
  let above = '..'
  let one = statusOf(directory, path)
  for (let name = path; ; name = `${name}/..`, above = `${above}/..`) {
    mustBeKept(one, name, owner)
    const next = fileStatus(above, directory)
    if (typeof next === 'number') throw unknown(next, path)
    // what is above a mount is another file system, and nothing is above the first of all
    if (next.device !== one.device || next.inode === one.inode) return
    one = next
  }
}

/** The user that this process acts as. */
export function thisUser(): number {
  return process.geteuid?.() ?? 0
}

/**
 * May what this user made be followed and used? What is root's may be; in a user namespace that has no number for him, that
 * is what belongs to whoever has the first directory of all.
 */
export function isTrusted(user: number, owner?: Owner): boolean {
  if (user === 0 || user === thisUser() || user === owner || owner === 'any') return true
  if (!isInUserNamespace()) return false
  const first = fileStatus('/')
  return typeof first === 'object' && first.uid === user
}

const S_ISVTX = 0o1000
/** Nobody gets it to a directory that is made: he could put another pin in the place of one. */
export const writeByOthers = 0o002

/** May everybody make something in a directory? In one that is sticky each can change only what is his own. */
export function isShared({ mode }: FileStatus): boolean {
  return (mode & writeByOthers) !== 0
}

/**
 * Refuses a directory in which another user could put something in the place of what is there.
 *
 * @throws BpfError `ERR_FOREIGN`
 */
export function mustBeKept(directory: FileStatus, path: string, owner?: Owner): void {
  const { uid, mode } = directory
  if (!isTrusted(uid, owner)) throw foreign(path, uid)
  if (!isShared(directory) || (mode & S_ISVTX) !== 0) return
  const text = (mode & 0o7777).toString(8).padStart(4, '0')
  throw new BpfError(`${path} has mode ${text}: every user could replace what is in it`, {
    code: 'ERR_FOREIGN',
    path,
    hint: 'take that right from them: chmod o-w, or chmod +t, which leaves each what is his',
  })
}

function statusOf(directory: number, path: string): FileStatus {
  const status = fileStatus(directory)
  if (typeof status === 'number') throw unknown(status, path)
  return status
}

function unknown(result: number, path: string): BpfError {
  return systemError(result, 'statx', { doing: `finding out whose '${path}' is`, path })
}

/** The error for what another user made. */
export function foreign(path: string, owner: number, what = 'belongs to'): BpfError {
  return new BpfError(`${path} ${what} user ${owner}, and this process is user ${thisUser()}`, {
    code: 'ERR_FOREIGN',
    path,
    hint: 'use another name or root; remove it if nobody needs it; to open what he pinned, say whose it is (owner, --owner)',
  })
}
