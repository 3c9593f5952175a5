import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { objectNames, Root } from '../pin/index.ts'
import { directories } from '../plan/layout.ts'
import { decodeName, encodeObjectName } from '../plan/names.ts'

/** statfs(2) of bpffs (include/uapi/linux/magic.h: BPF_FS_MAGIC). */
const bpffsMagic = 0xcafe4a11

/** An object on bpffs: a directory, and the object's name in it. */
export interface ObjectPlace {
  readonly root: string
  readonly name: string
}

/** Where NAME|PATH leads: what has a `/` in it is the path of the object's directory, anything else its name. */
export function objectPlace(operand: string, root: string): ObjectPlace {
  if (!operand.includes('/')) return { root, name: operand }
  const path = pathBelow(root, operand)
  if (isMountPoint(path)) {
    throw new BpfError(`${path} is where a bpffs is mounted, and not the directory of an object`, {
      code: 'ERR_NOT_PINNED',
      path,
      hint: `bpfpin ls --root ${path} shows what is pinned there`,
    })
  }
  return { root: dirname(path), name: decodeName(basename(path)) }
}

function isMountPoint(path: string): boolean {
  const type = (at: string): number => statfsSync(at).type
  return existsSync(path) && type(path) === bpffsMagic && type(dirname(path)) !== bpffsMagic
}

/** Where MAP-PATH leads. bpffs has no names with a dot: `counter/maps/.bss` can only mean `counter/maps/:bss`. */
export function mapPath(operand: string, root: string): string {
  const path = pathBelow(root, operand)
  return join(dirname(path), basename(path).replaceAll('.', ':'))
}

/** The object whose map would be pinned at a path, and the map's name; `undefined` where no object has its maps. */
export function mapOfObject(path: string): (ObjectPlace & { readonly map: string }) | undefined {
  const directory = dirname(path)
  if (basename(directory) !== directories.map) return undefined
  const object = dirname(directory)
  return { root: dirname(object), name: decodeName(basename(object)), map: decodeName(basename(path)) }
}

/** The maps of the object that a path leads to, or leads into, as one would name them. */
export function mapsNear(path: string): string[] {
  for (const object of [path, dirname(dirname(path))]) {
    const directory = join(object, directories.map)
    try {
      return readdirSync(directory).map(name => join(directory, decodeName(name)))
    } catch {
      // no directory, or one that is not for us to see
    }
  }
  return []
}

/** What is at a path: a pin, a directory, or nothing that can be seen. */
export function kindAt(path: string): 'pin' | 'directory' | undefined {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'pin'
  } catch {
    return undefined
  }
}

/** A path is below the root unless it says by itself where it begins: `/...`, `./...`, `../...`. */
function pathBelow(root: string, path: string): string {
  return /^\.{0,2}\//.test(path) ? resolve(path) : resolve(root, path)
}

/**
 * Opens a root; `undefined` where it is not there, so that nothing can be pinned in it.
 *
 * @throws BpfError `ERR_NO_BPFFS` where it could not be there either, as no bpffs is mounted.
 */
export function findRoot(path: string): Root | undefined {
  const root = Root.find(path)
  if (root) return root
  const mounted = nearestFileSystem(path)
  if (mounted.type === bpffsMagic) return undefined
  const where = mounted.path === path ? `'${path}'` : `'${mounted.path}', where '${path}' would be,`
  throw new BpfError(`${where} is not on a bpffs`, {
    code: 'ERR_NO_BPFFS',
    path,
    hint: 'mount one (mount -t bpf bpf /sys/fs/bpf), or say with --root where one is',
  })
}

/** The file system of the deepest directory on the way that is there. */
function nearestFileSystem(path: string): { readonly path: string; readonly type: number } {
  for (let at = path; ; at = dirname(at)) {
    try {
      return { path: at, type: statfsSync(at).type }
    } catch (error) {
      if (at === '/') throw error
    }
  }
}

/** Nothing is pinned where something was to be. */
export function notPinned({ root, name }: ObjectPlace, open: Root | undefined): BpfError {
  const path = join(root, encodeObjectName(name))
  return new BpfError(`nothing is pinned at ${path}${open ? didYouMean(name, objectNames(open)) : ''}`, {
    code: 'ERR_NOT_PINNED',
    path,
    hint: `bpfpin ls --root ${root} shows what is pinned there`,
  })
}
