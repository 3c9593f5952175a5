import { type FSWatcher, watch } from 'node:fs'
import { BpfError } from '../errors.ts'
import { systemError } from '../syscall/index.ts'

/** Watches until it is closed; keeps no process alive. */
export type RootWatcher = Pick<FSWatcher, 'close'>

export interface WatchEvents {
  /** Something came, went or was renamed; the name, where the kernel tells it. */
  onChange(file: string | null): void
  onError(error: BpfError): void
}

/**
 * Watches which names there are in a directory: generations come and go by renames, which inotify reports.
 *
 * @throws BpfError EACCES for who may not read the directory, EMFILE or ENOSPC where all of the system's watches are in use.
 */
export function watchRoot(path: string, { onChange, onError }: WatchEvents): RootWatcher {
  try {
    const watcher = watch(path, { persistent: false }, (_, file) => onChange(file))
    watcher.on('error', error => onError(watchError(path, error)))
    return watcher
  } catch (error) {
    throw watchError(path, error)
  }
}

/** Not the process's own limits, which a failed call is explained with elsewhere (inotify(7)). */
const hints: Readonly<Record<string, string>> = {
  EMFILE: 'this user may have no more inotify instances: see /proc/sys/fs/inotify/max_user_instances',
  ENOSPC: 'this user may have no more inotify watches: see /proc/sys/fs/inotify/max_user_watches',
}

function watchError(path: string, cause: unknown): BpfError {
  // what Node throws for a call that failed has it
  const { errno = -5 } = cause as NodeJS.ErrnoException
  const syscall = 'inotify_add_watch'
  const error = systemError(errno, syscall, {
    doing: `following what is pinned below '${path}'`,
    path,
    cause,
  })
  const hint = hints[error.code]
  if (hint === undefined) return error
  return new BpfError(error.message, { code: error.code, errno: -errno, syscall, path, cause, hint })
}
