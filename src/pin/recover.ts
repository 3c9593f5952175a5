import { basename, dirname } from 'node:path'
import { isOutside, type PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import { draftName, manifestName } from '../plan/names.ts'
import {
  closeFd,
  objGet,
  openFile,
  openFlag,
  readDirectory,
  removeDirectory,
  systemError,
  unlinkFile,
} from '../syscall/index.ts'
import { idOf } from './identity.ts'
import { readManifest } from './manifest-map.ts'
import { isBpffs } from './root.ts'

const ENOENT = -2

/**
 * Clears a staging directory that a stopped writer left: the pins in it, and those that it had made outside, which its
 * draft or its manifest lists. What is pinned outside is removed only where it still is what is listed.
 *
 * @param directory open, locked, and ours
 */
export function clearLeftover(directory: number, path: string): void {
  const entries = entriesOf(directory, '.', path)
  if (entries.length === 0) return
  for (const name of [draftName, manifestName]) {
    const manifest = entries.includes(name) ? readManifest(directory, path, name) : undefined
    if (manifest) removeOutside(manifest)
  }
  for (const name of entries) {
    if (unlinkFile(name, directory) === 0) continue
    for (const pin of entriesOf(directory, name, path))
      check(unlinkFile(`${name}/${pin}`, directory), `${path}/${name}/${pin}`)
    check(removeDirectory(name, directory), `${path}/${name}`)
  }
}

function removeOutside({ pins, directories = [] }: Manifest): void {
  for (const { kind, path, id, shared } of pins) {
    if (isOutside(path) && !shared && isStill(path, kind, id)) unlinkFile(path)
  }
  // those that are not empty belong to whoever pinned something there since
  for (const path of directories.toReversed()) removeOnBpffs(path)
}

/** Whoever wrote the manifest is not trusted with other file systems. */
function removeOnBpffs(path: string): void {
  const parent = openFile(dirname(path), openFlag.PATH | openFlag.DIRECTORY)
  if (parent < 0) return
  try {
    if (isBpffs(parent, path)) removeDirectory(basename(path), parent)
  } finally {
    closeFd(parent)
  }
}

function isStill(path: string, kind: PinKind, id: number): boolean {
  const fd = objGet(path)
  if (fd < 0) return false
  try {
    return idOf(fd, kind) === id
  } finally {
    closeFd(fd)
  }
}

function entriesOf(parent: number, name: string, path: string): string[] {
  const fd = openFile(name, openFlag.RDONLY | openFlag.DIRECTORY | openFlag.NOFOLLOW, parent)
  if (fd < 0) throw systemError(fd, 'openat', { doing: `clearing '${path}'`, path: `${path}/${name}` })
  const entries = readDirectory(fd)
  closeFd(fd)
  if (typeof entries !== 'number') return entries.map(entry => entry.name)
  throw systemError(entries, 'getdents64', { doing: `clearing '${path}'`, path: `${path}/${name}` })
}

function check(result: number, path: string): void {
  if (result < 0 && result !== ENOENT)
    throw systemError(result, 'unlinkat', { doing: 'clearing what a stopped process left', path })
}
