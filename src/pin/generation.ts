import { BpfError } from '../errors.ts'
import { isOutside } from '../plan/layout.ts'
import type { Manifest, PinRecord } from '../plan/manifest.ts'
import { encodeObjectName, nextSuffix, previousSuffix } from '../plan/names.ts'
import { closeFd, ENOENT, openFile, openFlag } from '../syscall/index.ts'
import { directoryError } from './identity.ts'
import { type KnownManifest, readManifest } from './manifest-map.ts'
import { mustBeOurs, mustBeTrusted, type Owner } from './ownership.ts'
import type { Root } from './root.ts'

/**
 * All pins of one object, found by its directory. The directory is held open: what is read through it belongs together,
 * also while another process puts a new generation in its place.
 */
export interface Generation {
  readonly path: string
  /** Descriptor of the directory. */
  readonly directory: number
  readonly manifest: Manifest
}

/**
 * Opens the generation of an object below a root; `undefined` where nothing is pinned under that name. The caller
 * closes `directory`.
 *
 * @param owner whose pins may be opened, besides root's and this user's own: anybody's by those who only look
 * @param known what its manifest is likely to be
 * @throws BpfError `ERR_MANIFEST` for a directory that bpfpin did not make, `ERR_FOREIGN`.
 */
export function openGeneration(
  root: Root,
  object: string,
  owner?: Owner,
  known?: KnownManifest,
): Generation | undefined {
  const found = openNamed(root, object, owner, known)
  if (!found || found.manifest) return found
  closeFd(found.directory)
  throw notOurs(found.path)
}

/** As a {@link Generation}, of which nothing says what belongs to it. */
export type Unlisted = Omit<Generation, 'manifest'> & { readonly manifest: undefined }

/**
 * As {@link openGeneration}, but a directory without a manifest is no error: another tool may have pinned there, or the
 * manifest was removed.
 */
export function openNamed(
  root: Root,
  object: string,
  owner?: Owner,
  known?: KnownManifest,
): Generation | Unlisted | undefined {
  for (;;) {
    const path = `${root.path}/${encodeObjectName(object)}`
    const directory = openDirectory(root, encodeObjectName(object), path)
    if (directory === undefined) return undefined
    try {
      mustBeTrusted(directory, path, owner)
      root.mustBeSafe(owner)
      const manifest = readManifest(directory, path, { known })
      if (manifest) return { path, directory, manifest }
      // one that was unpinned since it was opened has no manifest any more, and no name
      if (root.isNamed(encodeObjectName(object), directory)) return { path, directory, manifest }
    } catch (error) {
      closeFd(directory)
      throw error
    }
    closeFd(directory)
  }
}

/**
 * Opens the generation that was kept for a way back; `undefined` where there is none. The caller holds the object's lock,
 * and closes `directory`.
 *
 * @throws BpfError `ERR_FOREIGN` for a directory of another user.
 */
export function openPrevious(root: Root, object: string): Generation | undefined {
  const name = `${encodeObjectName(object)}${previousSuffix}`
  const path = `${root.path}/${name}`
  const directory = openDirectory(root, name, path)
  if (directory === undefined) return undefined
  try {
    mustBeOurs(directory, path)
    const manifest = readManifest(directory, path)
    if (manifest) return { path, directory, manifest }
  } catch (error) {
    closeFd(directory)
    throw error
  }
  // half of one that was being removed
  closeFd(directory)
  return undefined
}

/** What the generation that was kept says of itself; `undefined` where there is none. */
export function readPrevious(root: Root, object: string): { path: string; manifest: Manifest } | undefined {
  const name = `${encodeObjectName(object)}${previousSuffix}`
  const path = `${root.path}/${name}`
  const directory = openDirectory(root, name, path)
  if (directory === undefined) return undefined
  try {
    const manifest = readManifest(directory, path)
    return manifest && { path, manifest }
  } finally {
    closeFd(directory)
  }
}

/** As {@link readPrevious}, and nothing for one that nobody can go back to: it is damaged, or another user's. */
export function usablePrevious(root: Root, object: string): Manifest | undefined {
  try {
    const previous = openPrevious(root, object)
    closeGeneration(previous)
    return previous?.manifest
  } catch (error) {
    if (error instanceof BpfError) return undefined
    throw error
  }
}

/** The pins of the generation that was kept, if some of `pins` can be the same. */
export function keptPins(root: Root, object: string, pins: readonly PinRecord[]): readonly PinRecord[] {
  const canBe = pins.some(({ file }) => isOutside(file))
  return (canBe && usablePrevious(root, object)?.pins) || []
}

function openDirectory(root: Root, name: string, path: string): number | undefined {
  const directory = openFile(name, openFlag.PATH | openFlag.DIRECTORY | openFlag.NOFOLLOW, root.fd)
  if (directory === ENOENT) return undefined
  if (directory < 0) throw directoryError(directory, path)
  return directory
}

function notOurs(path: string): BpfError {
  return new BpfError(`${path} has no manifest: it was not pinned by bpfpin`, {
    code: 'ERR_MANIFEST',
    path,
    hint: 'choose another name or root, or remove what is there if nobody uses it; loadPinned() opens it if it is this object',
  })
}

/**
 * Does the object's name still lead to this generation? If not, what was read through its directory may have been half
 * gone already, and is to be read again from the start.
 */
export function isCurrent(root: Root, object: string, { directory }: Pick<Generation, 'directory'>): boolean {
  return root.isNamed(encodeObjectName(object), directory)
}

/**
 * Is a generation being built, or the one that was replaced being removed? Until then its programs may still run
 * (upgrade: the old generation is removed when no program of it runs any more).
 */
export function isInTransition(root: Root, object: string): boolean {
  return root.ownerOf(`${encodeObjectName(object)}${nextSuffix}`) !== undefined
}

/** Lets go of a generation's directory. */
export function closeGeneration(generation: Pick<Generation, 'directory'> | undefined): void {
  if (generation) closeFd(generation.directory)
}
