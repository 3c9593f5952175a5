import { BpfError } from '../errors.ts'
import { decodeName, encodeObjectName, nextSuffix } from '../plan/names.ts'
import {
  closeFd,
  EAGAIN,
  EEXIST,
  ENOENT,
  lockFile,
  lockFlag,
  makeDirectory,
  openFile,
  openFlag,
  removeDirectory,
  systemError,
} from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'
import { finishUpgrade } from './finish.ts'
import { type Generation, usablePrevious } from './generation.ts'
import { directoryError } from './identity.ts'
import { readManifest } from './manifest-map.ts'
import { mustBeOurs, thisUser, writeByOthers } from './ownership.ts'
import { clearLeftover } from './recover.ts'
import type { Root } from './root.ts'

/**
 * Is a writer at work at an object, or was one stopped? What it left the next one clears away, or finishes. A directory that
 * another user made under that name says nothing, and holds nobody up who only wants to find what is pinned.
 */
export function isBeingChanged(root: Root, object: string): boolean {
  return root.ownerOf(`${encodeObjectName(object)}${nextSuffix}`) === thisUser()
}

export interface LockOptions {
  /** Permissions of the staging directory; nobody but its owner gets those to read it, as he could lock it. */
  readonly mode: number
  /** How long to wait for another writer, in milliseconds. */
  readonly waitMs: number
}

/** How long to wait for another writer unless something else is said. */
export const defaultWaitMs = 10_000

/** Reading, for group and others: all that is needed to use what is below is the right to pass through. */
const readByOthers = 0o044

/** Between two looks at a lock that another process holds. */
const pauseMs = 5

/**
 * The right to change one object, held by one process at a time: `flock` on its staging directory `<object>~next`, which
 * is made for that, and on the directory of its current generation. It goes with the process, however that ends; what
 * is then in the staging directory is cleared away by the next writer.
 *
 * An unprivileged user can hold a lock on a directory that he can read. So the root is neither locked nor trusted, and the
 * directories that are locked can be read by their owner only. Others pass through them: the manifest says what is there.
 */
export class WriterLock {
  /** Descriptor of the staging directory: ours, and empty. */
  readonly next: number
  readonly #root: Root
  readonly #nextName: string
  #current: number | undefined

  private constructor(root: Root, nextName: string, next: number) {
    this.#root = root
    this.#nextName = nextName
    this.next = next
  }

  /** Descriptor of the current generation's directory, if there is one. */
  get current(): number | undefined {
    return this.#current
  }

  /**
   * Takes the lock, and clears away what an earlier writer left when it was stopped.
   *
   * @throws BpfError `ERR_LOCKED` where another process holds it for longer than one waits, `ERR_FOREIGN` where the
   * directories belong to another user, `ERR_PIN_KIND` where something else has their name.
   */
  static take(root: Root, object: string, { mode, waitMs }: LockOptions): WriterLock {
    const name = encodeObjectName(object)
    if (!(waitMs >= 0)) throw new BpfError(`waiting for ${waitMs} ms is not possible`, { code: 'ERR_VALUE' })
    const end = performance.now() + waitMs
    for (;;) {
      const lock = WriterLock.#try(root, name, mode)
      // what was finished has taken the staging directory with it
      if (lock) {
        if (lock.#clear(name, mode)) return lock
        continue
      }
      if (performance.now() > end) throw locked(root, object, waitMs)
      pause(pauseMs)
    }
  }

  static #try(root: Root, name: string, mode: number): WriterLock | undefined {
    const nextName = `${name}${nextSuffix}`
    const made = makeDirectory(nextName, mode & ~readByOthers & ~writeByOthers, root.fd)
    if (made < 0 && made !== EEXIST) {
      const path = `${root.path}/${nextName}`
      throw systemError(made, 'mkdirat', { doing: `making directory '${path}'`, path })
    }
    const next = lockOrRemove(root, nextName, made === 0)
    if (typeof next !== 'number') return undefined
    const lock = new WriterLock(root, nextName, next)
    try {
      const current = lockDirectory(root, name)
      if (typeof current === 'number') lock.#current = current
      if (current !== undefined) return lock
    } catch (error) {
      lock.release()
      throw error
    }
    lock.release()
    return undefined
  }

  /** Finishes or clears away what a stopped writer left. `false`: with that, the lock is gone. */
  #clear(directory: string, mode: number): boolean {
    const path = `${this.#root.path}/${this.#nextName}`
    let isLocked = false
    try {
      const old = readManifest(this.next, path)
      const current = old && this.#currentGeneration(directory)
      if (old && current && old.generation < current.manifest.generation) {
        const generation = { path, directory: this.next, manifest: old }
        finishUpgrade({ root: this.#root, directory, current, old: generation, mode })
      } else {
        clearLeftover(this.next, path, {
          current: () => this.#currentGeneration(directory)?.manifest,
          previous: () => usablePrevious(this.#root, decodeName(directory)),
          isAlone: this.#current === undefined,
        })
        isLocked = true
      }
    } finally {
      if (!isLocked) this.release()
    }
    return isLocked
  }

  #currentGeneration(name: string): Generation | undefined {
    if (this.#current === undefined) return undefined
    const path = `${this.#root.path}/${name}`
    const manifest = readManifest(this.#current, path)
    return manifest && { path, directory: this.#current, manifest }
  }

  /** Gives the right back, and removes the staging directory if it is still there and empty. */
  release(): void {
    try {
      if (this.#root.isNamed(this.#nextName, this.next)) removeDirectory(this.#nextName, this.#root.fd)
    } catch {
      // an empty directory stays, which the next writer takes over
    }
    closeFd(this.next)
    if (this.current !== undefined) closeFd(this.current)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/** As {@link lockDirectory}; a directory that was just made for this does not stay where it cannot even be opened. */
function lockOrRemove(root: Root, name: string, wasMade: boolean): number | 'absent' | undefined {
  try {
    return lockDirectory(root, name)
  } catch (error) {
    if (wasMade) removeDirectory(name, root.fd)
    throw error
  }
}

/**
 * Opens and locks a directory. `undefined`: another process holds it, or gave its name to another directory meanwhile.
 */
function lockDirectory(root: Root, name: string): number | 'absent' | undefined {
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, root.fd)
  if (fd === ENOENT) return 'absent'
  const path = `${root.path}/${name}`
  if (fd < 0) throw directoryError(fd, path)
  try {
    mustBeOurs(fd, path)
    const result = lockFile(fd, lockFlag.EXCLUSIVE | lockFlag.NONBLOCK)
    if (result < 0 && result !== EAGAIN)
      throw systemError(result, 'flock', { doing: `locking '${path}'`, path })
    if (result === 0 && root.isNamed(name, fd)) return fd
  } catch (error) {
    closeFd(fd)
    throw error
  }
  closeFd(fd)
  return undefined
}

function locked(root: Root, object: string, waitMs: number): BpfError {
  const path = `${root.path}/${encodeObjectName(object)}`
  return new BpfError(
    `another process is changing object '${object}' at ${path} (waited ${waitMs / 1000} s)`,
    {
      code: 'ERR_LOCKED',
      path,
      hint: `find it: fuser -v ${path}${nextSuffix}`,
    },
  )
}
