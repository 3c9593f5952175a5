import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** What a compiler is told to build a program on a libbpf, statically. */
export interface Libbpf {
  readonly include: string
  readonly archive: string
}

/** Debian's own libbpf is of 2023; this is the one that belongs to the kernel that it ships now. */
const sourcePackage = 'linux-source-6.12'
/** Built once a version: to have a newer one, delete what is there. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'bpfpin-libbpf')

/**
 * The libbpf that we are compared with: the one in `$LIBBPF_DIR`, as `make install` leaves it or as its source directory is
 * after a build, else one that is made of the sources of Debian's kernel.
 */
export function libbpf(): Libbpf {
  const { LIBBPF_DIR: given } = process.env
  return inDirectory(given === undefined || given === '' ? built() : given)
}

function inDirectory(directory: string): Libbpf {
  const places = ['lib64', 'lib', 'usr/lib64', 'usr/lib', '.']
  const archive = firstOf(places.map(place => join(directory, place, 'libbpf.a')))
  const include = firstOf(
    // in the kernel's sources the directory itself is called bpf
    ['include', 'usr/include', '.', '..'].map(place => join(directory, place)),
    'bpf/libbpf.h',
  )
  if (archive === undefined || include === undefined) {
    throw new Error(`LIBBPF_DIR: ${directory} has no ${archive ? 'include/bpf/libbpf.h' : 'libbpf.a'}`)
  }
  return { archive, include }
}

function firstOf(places: readonly string[], file: string = ''): string | undefined {
  return places.find(place => existsSync(join(place, file)))
}

/** Where the built one is, which has its name once it is whole. */
function built(): string {
  const directory = join(cache, `${sourcePackage}-O2`)
  if (existsSync(directory)) return directory
  mkdirSync(cache, { recursive: true })
  const part = join(cache, `${sourcePackage}.${process.pid}.part`)
  try {
    mkdirSync(join(part, 'include/bpf'), { recursive: true })
    compile(unpackedSource(part), part)
    renameSync(part, directory)
  } catch (error) {
    // another process may have been quicker
    if (!existsSync(directory)) throw error
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
  return directory
}

/** The directory `tools` of the kernel's sources, with what libbpf is made of. */
function unpackedSource(part: string): string {
  const wanted = ['lib/bpf', 'include', 'arch/*/include'].map(path => `${sourcePackage}/tools/${path}`)
  const unpack = ['--extract', '--directory', part, '--wildcards', ...wanted]
  const installed = `/usr/src/${sourcePackage}.tar.xz`
  if (existsSync(installed)) {
    execFileSync('tar', [...unpack, '--use-compress-program', 'xz --threads=0', '--file', installed])
  } else {
    execFileSync('apt-get', ['download', '-qq', sourcePackage], {
      cwd: part,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const command = `dpkg-deb --fsys-tarfile *.deb | tar --extract --to-stdout .${installed} |
      xz --decompress --threads=0 | tar "$@"`
    execFileSync('bash', ['-o', 'pipefail', '-c', command, 'bash', ...unpack], { cwd: part })
  }
  return join(part, sourcePackage, 'tools')
}

/** Its makefile wants python and documentation; the library itself is a list of C files. */
function compile(tools: string, to: string): void {
  const source = join(tools, 'lib/bpf')
  const names = readdirSync(source)
  const units = names.filter(name => name.endsWith('.c'))
  const include = ['lib', 'include', 'include/uapi'].map(path => `-I${join(tools, path)}`)
  const flags = ['-O2', '-std=gnu89', '-D_LARGEFILE64_SOURCE', '-D_FILE_OFFSET_BITS=64', ...include]
  execFileSync('xargs', ['-P', '2', '-n', '6', 'gcc', ...flags, '-c'], {
    cwd: source,
    input: units.join('\n'),
  })
  const objects = units.map(name => name.replace(/c$/, 'o'))
  execFileSync('ar', ['rcs', join(to, 'libbpf.a'), ...objects], { cwd: source })
  for (const name of names.filter(each => each.endsWith('.h')))
    copyFileSync(join(source, name), join(to, 'include/bpf', name))
  rmSync(join(tools, '..'), { recursive: true })
}
