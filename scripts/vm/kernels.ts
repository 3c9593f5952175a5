import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A kernel of Debian, unpacked. */
export interface Kernel {
  /** `'6.1'` */
  readonly series: string
  /** As `uname -r` says it. */
  readonly release: string
  readonly image: string
  /** Below it are the modules' directories. */
  readonly modules: string
  readonly config: string
}

/** Where packages are kept, unpacked: to have a newer kernel, delete one here. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'bpfpin-kernels')

/** The newest kernel of a series for virtual machines, fetched once. */
export function kernelOf(series: string): Kernel {
  mkdirSync(cache, { recursive: true })
  const prefix = `linux-image-${series}.`
  // packages of other architectures may lie there, and what is still being unpacked
  const kept = readdirSync(cache).filter(
    name => name.startsWith(prefix) && name.endsWith('-cloud-amd64-unsigned'),
  )
  return unpacked(series, kept.sort(byVersion).at(-1) ?? fetch(newestPackage(series)))
}

function newestPackage(series: string): string {
  const pattern = `^linux-image-${series.replace('.', '\\.')}\\..*-cloud-amd64-unsigned$`
  const lines = execFileSync('apt-cache', ['search', '--names-only', pattern], { encoding: 'utf8' })
  const names = lines.split('\n').flatMap(line => line.split(' ')[0] || [])
  const newest = names.sort(byVersion).at(-1)
  if (newest === undefined)
    throw new Error(`apt knows no package ${pattern}: run apt-get update, on Debian 12 with its updates`)
  return newest
}

/** Downloads and unpacks a package; its directory has its name once it is whole. */
function fetch(name: string): string {
  const part = join(cache, `${name}.part`)
  rmSync(part, { recursive: true, force: true })
  mkdirSync(join(part, 'root'), { recursive: true })
  // as root apt complains that its own user cannot write here, and goes on
  execFileSync('apt-get', ['download', '-qq', name], { cwd: part, stdio: ['ignore', 'ignore', 'pipe'] })
  const deb = readdirSync(part).find(file => file.endsWith('.deb'))
  execFileSync('dpkg', ['-x', join(part, deb!), join(part, 'root')])
  renameSync(join(part, 'root'), join(cache, name))
  rmSync(part, { recursive: true })
  return name
}

function unpacked(series: string, name: string): Kernel {
  const root = join(cache, name)
  const release = name.slice('linux-image-'.length, -'-unsigned'.length)
  const image = join(root, 'boot', `vmlinuz-${release}`)
  if (!existsSync(image)) throw new Error(`${image} is not there: delete ${root}`)
  return {
    series,
    release,
    image,
    modules: join(root, 'lib/modules', release),
    config: join(root, 'boot', `config-${release}`),
  }
}

/** 6.1.0-9 before 6.1.0-10. */
function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
