import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'

/** Where packages are kept, unpacked: to have a newer one, delete it here. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'bpfpin-kernels')

/** Names in the cache, whole ones only, that begin with that. */
export function kept(prefix: string): string[] {
  mkdirSync(cache, { recursive: true })
  return readdirSync(cache).filter(name => name.startsWith(prefix) && !name.endsWith('.part'))
}

/** The packages of Debian that have such a name. */
export function packagesLike(pattern: string, architecture: Architecture): string[] {
  const args = [...aptOptions(architecture), 'search', '--names-only', pattern]
  const lines = execFileSync('apt-cache', args, { encoding: 'utf8' })
  return lines.split('\n').flatMap(line => line.split(' ')[0] || [])
}

/** A directory of the cache with what packages of Debian have in them; fetched at the first time. */
export function debianPackages(
  directory: string,
  architecture: Architecture,
  names: readonly string[],
  what: 'alone' | 'with all that they need',
): string {
  const options = aptOptions(architecture)
  return once(directory, part => {
    const command =
      what === 'alone'
        ? ['download']
        : ['install', '--yes', '--download-only', '--no-install-recommends', `-oDir::Cache::Archives=${part}`]
    mkdirSync(join(part, 'partial'))
    // as root apt complains that its own user cannot write here, and goes on
    execFileSync('apt-get', ['-qq', ...options, ...command, ...names], {
      cwd: part,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    for (const deb of readdirSync(part).filter(file => file.endsWith('.deb')))
      execFileSync('dpkg', ['-x', join(part, deb), join(part, 'root')])
  })
}

/** A directory of the cache with what a package of npm has in it; fetched at the first time. */
export function npmPackage(name: string, version: string): string {
  return once(`${name.replace('/', '-')}-${version}`, part => {
    const options = ['--silent', '--pack-destination', part]
    execFileSync('npm', ['pack', ...options, `${name}@${version}`], { stdio: ['ignore', 'ignore', 'pipe'] })
    const archive = readdirSync(part).find(file => file.endsWith('.tgz'))
    execFileSync('tar', ['-xzf', join(part, archive!), '-C', join(part, 'root'), '--strip-components=1'])
  })
}

/** A directory has its name once it is whole. */
function once(name: string, fill: (part: string) => void): string {
  const directory = join(cache, name)
  if (existsSync(directory)) return directory
  const part = `${directory}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(join(part, 'root'), { recursive: true })
  fill(part)
  renameSync(join(part, 'root'), directory)
  rmSync(part, { recursive: true })
  return directory
}

/** apt knows the packages of its own architecture; of others it gets lists of their own, and knows nothing installed. */
function aptOptions(architecture: Architecture): string[] {
  const own = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  if (architecture.name === own) return []
  const lists = join(cache, `lists-${architecture.name}`)
  const options = [
    `-oAPT::Architecture=${architecture.name}`,
    `-oAPT::Architectures=${architecture.name}`,
    `-oDir::State::Lists=${lists}`,
    '-oDir::State::Status=/dev/null',
    '-oDir::Cache::pkgcache=',
    '-oDir::Cache::srcpkgcache=',
  ]
  if (!existsSync(lists)) {
    const part = `${lists}.part`
    mkdirSync(join(part, 'partial'), { recursive: true })
    const here = [...options, `-oDir::State::Lists=${part}`]
    execFileSync('apt-get', ['update', '-qq', ...here], { stdio: ['ignore', 'ignore', 'pipe'] })
    renameSync(part, lists)
  }
  return options
}
