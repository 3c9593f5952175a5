import { address, at, putText, u8 } from './arena.ts'
import { ENAMETOOLONG, ENOENT } from './errno.ts'

/** "The working directory" where a directory's descriptor is asked for (include/uapi/linux/fcntl.h). */
export const AT_FDCWD = -100

/** PATH_MAX, the NUL included. */
const pathMax = 4096

/**
 * Encodes a path into the arena and returns its address, or a negative errno.
 *
 * @param inside the name of a directory that the path is in: thousands of paths are not put together for one call each
 */
export function putPath(path: string, inside?: string): number {
  if (inside === undefined) return put(at.path, path, 0)
  const length = putText(at.path, inside, pathMax)
  u8[at.path + length] = slash
  return put(at.path, path, length + 1)
}

const slash = 0x2f

/** As {@link putPath}, beside the first path. */
export function putSecondPath(path: string): number {
  return put(at.path2, path, 0)
}

/** `name` below a directory descriptor by way of /proc, for calls that take no descriptor. */
export function putPathBelow(directory: number, name: string): number {
  return put(at.path, name, putText(at.path, `/proc/self/fd/${directory}/`, pathMax))
}

function put(offset: number, path: string, prefix: number): number {
  if (putText(offset + prefix, path, pathMax - prefix) >= 0) return address(offset)
  // no file has a name with a NUL in it, and the kernel would take what is before it
  return path.includes('\0') ? ENOENT : ENAMETOOLONG
}
