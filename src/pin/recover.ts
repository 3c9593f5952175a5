import { basename, dirname } from 'node:path'
import { directories, isOutside, type PinKind } from '../plan/layout.ts'
import type { Manifest } from '../plan/manifest.ts'
import { draftName, manifestName } from '../plan/names.ts'
import {
  closeFd,
  linkDetach,
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
const EISDIR = -21
const ENOTEMPTY = -39

/**
 * Clears a staging directory that a stopped writer left: the pins in it, and those that it had made outside, which its
 * draft or its manifest lists. What is pinned outside is removed only where it still is what is listed.
 *
 * @param directory open, locked, and ours
 * @param isAlone there is no other generation: links in this one are no other's, and are detached whoever holds them
 */
export function clearLeftover(directory: number, path: string, isAlone: boolean): void {
  const entries = entriesOf(directory, '.', path)
  if (entries.length === 0) return
  for (const name of [draftName, manifestName]) {
    const manifest = entries.includes(name) ? readManifest(directory, path, name) : undefined
    if (manifest) removeOutside(manifest)
  }
  for (const name of entries) {
    const unlinked = unlinkFile(name, directory)
    if (unlinked !== EISDIR) {
      check(unlinked, `${path}/${name}`)
      continue
    }
    for (const pin of entriesOf(directory, name, path)) {
      if (isAlone && name === directories.link) detach(`${name}/${pin}`, directory)
      check(unlinkFile(`${name}/${pin}`, directory), `${path}/${name}/${pin}`)
    }
    check(removeDirectory(name, directory), `${path}/${name}`)
  }
}

/** Where the kernel cannot, or who may not, the link goes with its last pin. */
function detach(pin: string, directory: number): void {
  const fd = objGet(pin, 0, directory)
  if (fd < 0) return
  linkDetach(fd)
  closeFd(fd)
}

function removeOutside({ pins, directories: made = [] }: Manifest): void {
  for (const { kind, path, id, shared } of pins) {
    if (isOutside(path) && !shared && isStill(path, kind, id)) check(unlinkFile(path), path)
  }
  // those that are not empty belong to whoever pinned something there since
  for (const path of made.toReversed()) removeOnBpffs(path)
}

/** Whoever wrote the manifest is not trusted with other file systems. */
function removeOnBpffs(path: string): void {
  const parent = openFile(dirname(path), openFlag.PATH | openFlag.DIRECTORY)
  if (parent === ENOENT) return
  check(parent, path, 'openat')
  try {
    if (!isBpffs(parent, path)) return
    const result = removeDirectory(basename(path), parent)
    if (result !== ENOTEMPTY) check(result, path)
  } finally {
    closeFd(parent)
  }
}

function isStill(path: string, kind: PinKind, id: number): boolean {
  const fd = objGet(path)
  if (fd === ENOENT) return false
  check(fd, path, 'bpf(BPF_OBJ_GET)')
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

function check(result: number, path: string, syscall = 'unlinkat'): void {
  if (result >= 0 || result === ENOENT) return
  throw systemError(result, syscall, { doing: 'clearing what a stopped process left', path })
}
