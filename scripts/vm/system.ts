import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { commandPath } from '../../test/requirements.ts'
import type { Architecture } from './architectures.ts'
import { debianPackages, npmPackage } from './packages.ts'

/** Where the programs of a machine come from. */
export interface System {
  readonly architecture: Architecture
  /** Of this processor: what is compiled here runs there. */
  readonly isThis: boolean
  /** The file of a command. */
  command(name: string): string
  /** Path in the machine, and the file here. */
  libraries(file: string): Iterable<readonly [string, string]>
  /** Directory of a package with native code, where the one in node_modules is for another architecture. */
  native(name: string, version: string): string | undefined
}

/** In which of Debian's packages the commands are that tests call. */
const providers = ['busybox-static', 'bpftool', 'iproute2', 'mount', 'util-linux', 'libstdc++6']

/** This system's own programs for machines of its architecture, packages of Debian and npm for others. */
export function systemFor(architecture: Architecture): System {
  if (architecture.node === process.arch)
    return {
      architecture,
      isThis: true,
      command: here,
      libraries: file => libraries('', architecture, file),
      native: () => undefined,
    }
  const root = debianPackages(
    `programs-${architecture.name}`,
    architecture,
    providers,
    'with all that they need',
  )
  const node = npmPackage(`node-linux-${architecture.node}`, process.versions.node)
  return {
    architecture,
    isThis: false,
    command: name => (name === 'node' ? join(node, 'bin/node') : below(root, name)),
    libraries: file => libraries(root, architecture, file),
    native: npmPackage,
  }
}

function here(command: string): string {
  const path = commandPath(command)
  if (path === undefined) throw new Error(`the machines need the command '${command}', which is not here`)
  return realpathSync(path)
}

function below(root: string, command: string): string {
  const directories = ['bin', 'sbin', 'usr/bin', 'usr/sbin']
  const path = directories.map(directory => join(root, directory, command)).find(existsSync)
  if (path === undefined) throw new Error(`no package in ${root} has the command '${command}'`)
  return path
}

/** Its loader and the libraries that it needs, with those that these need. */
function libraries(root: string, architecture: Architecture, file: string): Map<string, string> {
  const found = new Map<string, string>()
  const add = (path: string): void => {
    if (found.has(path)) return
    found.set(path, join(root, path))
    addNeeded(join(root, path))
  }
  const addNeeded = (of: string): void => {
    const text = execFileSync('readelf', ['--wide', '--program-headers', '--dynamic', of], {
      encoding: 'utf8',
    })
    const loader = /program interpreter: (\S+)\]/.exec(text)?.[1]
    if (loader !== undefined) add(loader)
    for (const [, name] of text.matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
      const path = ['/lib', '/usr/lib']
        .flatMap(directory => [join(directory, architecture.libraries, name!), join(directory, name!)])
        .find(path => existsSync(join(root, path)))
      if (path === undefined) throw new Error(`${of} needs ${name}, which is not in ${root || '/'}`)
      add(path)
    }
  }
  addNeeded(file)
  return found
}

/** The version of an installed package. */
export function versionOf(directory: string): string {
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string } // package.json(5)
  return version
}
