import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { BpfError } from '../errors.ts'

/** Directories of libraries that a machine's own name is in (Debian's multiarch). */
const triplets: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
}

/**
 * The path of a binary as it is kept: absolute, and the same file for every process. A name alone stays what it is, to be
 * looked for when attaching.
 */
export function lastingPath(binary: string): string {
  if (!binary.includes('/')) return binary
  const path = resolve(binary)
  // what /proc/self leads to is another file for each process
  return /^\/proc\/(self|thread-self)\//.test(path) ? realPath(path) : path
}

/** What is not there is what attaching complains of. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/**
 * Where a binary is: as the shell looks for programs and the loader for libraries, without the loader's cache.
 *
 * @throws BpfError ENOENT where it is nowhere.
 */
export function findBinary(binary: string, doing: string): string {
  if (binary.includes('/')) return binary
  const isLibrary = /\.so(\.|$)/.test(binary)
  const directories = isLibrary ? libraryDirectories() : programDirectories()
  const mode = isLibrary ? constants.R_OK : constants.R_OK | constants.X_OK
  const found = directories.map(directory => `${directory}/${binary}`).find(path => isFile(path, mode))
  if (found !== undefined) return found
  throw new BpfError(`${doing}: there is no ${isLibrary ? 'library' : 'program'} '${binary}'`, {
    code: 'ENOENT',
    path: binary,
    hint: `looked for in ${directories.join(', ')}; or give its path`,
  })
}

function libraryDirectories(): string[] {
  const own = triplets[process.arch]
  const ofMachine = own === undefined ? [] : [`/lib/${own}`, `/usr/lib/${own}`]
  return [...fromEnvironment('LD_LIBRARY_PATH'), ...ofMachine, '/lib64', '/usr/lib64', '/lib', '/usr/lib']
}

function programDirectories(): string[] {
  return [...fromEnvironment('PATH'), '/usr/bin', '/usr/sbin']
}

function fromEnvironment(name: string): string[] {
  return (process.env[name] ?? '').split(':').filter(directory => directory.startsWith('/'))
}

function isFile(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
