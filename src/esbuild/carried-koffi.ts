import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { BpfError } from '../errors.ts'
import { fromBase85 } from './base85.ts'
import { unfilter } from './filter.ts'
import { libcOf } from './libc.ts'
import { type Arch, targetName } from './targets.ts'

type Koffi = typeof import('koffi')

/** A file without a name (include/uapi/asm-generic/fcntl.h); node has no constant of that name. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
/**
 * What runs in a bundle in the place of `syscall/koffi.ts`: loads the native part that the bundle carries. It has to be in a
 * file for the dynamic linker, which has no name and is gone with the process.
 *
 * @param parts compressed, in base 85, by the names of their targets: `x64-glibc`
 * @throws BpfError `ERR_NATIVE` where there is none for this machine, or no directory permits to execute what is in it.
 */
export function loadCarriedKoffi(parts: Readonly<Record<string, string>>): Koffi {
  // whatever it is: there is no part for others
  const arch = process.arch as Arch
  const target = targetName({ arch, libc: libcOf('/proc/self/exe') })
  const part = Object.hasOwn(parts, target) ? parts[target] : undefined
  if (part === undefined) {
    throw new BpfError(`this bundle has koffi for ${Object.keys(parts).join(', ')}, and this is ${target}`, {
      code: 'ERR_NATIVE',
      hint: 'bundle it for this machine, too: the options arch and libc of bpfpin/esbuild',
    })
  }
  const addon = brotliDecompressSync(fromBase85(part))
  unfilter(addon, arch)
  const refusals: string[] = []
  for (const directory of places()) {
    for (const load of [loadUnnamed, loadNamed]) {
      try {
        return load(addon, directory)
      } catch (error) {
        const refusal = `${directory}: ${problemOf(error)}`
        if (refusals.at(-1) !== refusal) refusals.push(refusal)
      }
    }
  }
  throw new BpfError(`no directory permits to load koffi from it: ${refusals.join('; ')}`, {
    code: 'ERR_NATIVE',
    hint: 'set TMPDIR to a directory that can be written to and is not mounted noexec',
  })
}

/** Memory first. Docker mounts /dev/shm noexec; where all else is read-only, /run and /dev are memory that may be left. */
function places(): Set<string> {
  const { XDG_RUNTIME_DIR } = process.env
  const wanted = [
    () => '/dev/shm',
    () => XDG_RUNTIME_DIR ?? '',
    tmpdir,
    () => '/var/tmp',
    homedir,
    process.cwd,
  ]
  const found = [...wanted, () => '/run', () => '/dev'].map(place => {
    try {
      return place()
    } catch {
      return '' // nobody without an entry has a home, and the working directory may be gone
    }
  })
  return new Set(found.filter(place => place.startsWith('/')))
}

function loadUnnamed(addon: Uint8Array, directory: string): Koffi {
  const fd = openSync(directory, O_TMPFILE | constants.O_EXCL | constants.O_RDWR, 0o600)
  try {
    writeFileSync(fd, addon)
    const koffi = dlopen(`/proc/self/fd/${fd}`)
    // It stays open: glibc takes a name that it has loaded for the same file (elf/dl-load.c), and the next file that is
    // opened would get this one's.
    return koffi
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** For file systems that have no files without names, and where /proc is not mounted. */
function loadNamed(addon: Uint8Array, directory: string): Koffi {
  const place = mkdtempSync(join(directory, '.bpfpin-'))
  try {
    const path = join(place, 'koffi.node')
    writeFileSync(path, addon, { flag: 'wx', mode: 0o600 })
    return dlopen(path)
  } finally {
    rmSync(place, { recursive: true })
  }
}

function dlopen(path: string): Koffi {
  const module: { exports: unknown } = { exports: {} }
  process.dlopen(module, path)
  // koffi's own JavaScript adds forms that are deprecated, and nothing else
  return module.exports as Koffi
}

/** Without the name of the file, which says nothing. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message.replace(/^\/\S+: /, '').replace(/, \w+ '.*'$/, '')
}
