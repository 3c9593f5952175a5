import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Architecture, amd64, arm64 } from './architectures.ts'
import { debianPackages, kept, packagesLike } from './packages.ts'

/** A kernel of Debian, unpacked. */
export interface Kernel {
  /** What it is asked for by: `'6.1'`, or the architecture where it is not amd64. */
  readonly name: string
  readonly architecture: Architecture
  /** As `uname -r` says it. */
  readonly release: string
  readonly image: string
  /** Below it are the modules' directories. */
  readonly modules: string
  readonly config: string
  /** Tests that it runs when none are asked for; all where there are none. */
  readonly filters: readonly string[]
}

/** What depends on the processor: numbers of system calls, layouts, memory. The rest is as with the same kernel on amd64. */
const architectureTests = ['api/smoke', 'api/one-file']

/** The newest kernel for virtual machines of a series, `'6.1'`, or `'arm64'` for that architecture's; fetched once. */
export function kernelOf(name: string): Kernel {
  return name === 'arm64' ? newest(name, '6.12', arm64, architectureTests) : newest(name, name, amd64, [])
}

function newest(
  name: string,
  series: string,
  architecture: Architecture,
  filters: readonly string[],
): Kernel {
  const ending = `-cloud-${architecture.name}-unsigned`
  const known = kept(`linux-image-${series}.`).filter(directory => directory.endsWith(ending))
  const found = known.sort(byVersion).at(-1) ?? newestPackage(series, ending, architecture)
  const root = debianPackages(found, architecture, [found], 'alone')
  const release = basename(root).slice('linux-image-'.length, -'-unsigned'.length)
  const image = join(root, 'boot', `vmlinuz-${release}`)
  if (!existsSync(image)) throw new Error(`${image} is not there: delete ${root}`)
  return {
    name,
    architecture,
    release,
    image,
    modules: join(root, 'lib/modules', release),
    config: join(root, 'boot', `config-${release}`),
    filters,
  }
}

function newestPackage(series: string, ending: string, architecture: Architecture): string {
  const pattern = `^linux-image-${series.replace('.', '\\.')}\\..*${ending}$`
  const found = packagesLike(pattern, architecture).sort(byVersion).at(-1)
  if (found === undefined)
    throw new Error(`apt knows no package ${pattern}: run apt-get update, on Debian 12 with its updates`)
  return found
}

/** 6.1.0-9 before 6.1.0-10. */
function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
