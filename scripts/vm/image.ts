import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { buildPeer, peerInMachines } from '../../test/parity/peer.ts'
import { buildSources, programs } from '../../test/runner/built-sources.ts'
import { testFiles } from '../../test/runner/files.mjs'
import { Archive } from './archive.ts'
import { initScript } from './init.ts'
import type { Kernel } from './kernels.ts'
import { modulesOf } from './modules.ts'
import { type System, versionOf } from './system.ts'
import { buildTool, toolInMachines } from './tool.ts'

/** What tests call and busybox has not, or has with less in it. */
const commands = ['node', 'bpftool', 'ip', 'mount', 'umount', 'setpriv', 'unshare']
/** What of the checkout the tests use, packages apart. */
const parts = ['test', 'examples']
/** Packages that the tests load, with all that these need. */
const packages = ['koffi', 'uvu']

/** What is to run in the machines: as the options of the test runner. */
export interface Chosen {
  readonly all: boolean
  readonly filters: readonly string[]
}

/** Accounts that tests and tools ask for by number. */
const accounts = 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n'

/**
 * Writes the whole system of the machines into one file: busybox, the commands above with their libraries, the checkout
 * at the same path as here, and the modules of each kernel.
 *
 * @param kernels of the system's architecture
 */
export async function writeImage(
  path: string,
  system: System,
  checkout: string,
  kernels: readonly Kernel[],
  { all, filters }: Chosen,
): Promise<void> {
  using archive = new Archive(path)
  const args = [...(all ? ['--all'] : []), '--timeout', '600', ...filters]
  const modules = kernels.map(kernel => ({ kernel, modules: modulesOf(kernel) }))
  archive.addFile('/init', Buffer.from(initScript(system.architecture, checkout, args)), 0o755)
  for (const directory of ['/proc', '/sys', '/dev', '/tmp', '/run', '/root']) archive.addDirectory(directory)
  archive.addFile('/etc/passwd', Buffer.from(accounts))
  archive.addFile('/etc/group', Buffer.from('root:x:0:\nnogroup:x:65534:\n'))
  addBusybox(archive, system)
  for (const command of commands) addCommand(archive, system, command)
  if (system.isThis) addPeer(archive, dirname(path))
  await addCheckout(archive, checkout, testsFor(kernels, checkout, { all, filters }))
  for (const directory of packageDirectories(checkout))
    for (const path of filesBelow(directory)) addAsIs(archive, path)
  addNativePart(archive, system, checkout, dirname(path))
  // all that the loader of sources wants of it is its version
  addAsIs(archive, join(checkout, 'node_modules/esbuild/package.json'))
  for (const { kernel, modules: needed } of modules) {
    const directory = `/lib/modules/${kernel.release}`
    for (const { name, bytes } of needed) archive.addFile(`${directory}/${name}.ko`, bytes)
    archive.addFile(`${directory}/order`, Buffer.from(needed.map(({ name }) => `${name}\n`).join('')))
    archive.addFile(`/boot/config-${kernel.release}`, readFileSync(kernel.config))
  }
}

function addBusybox(archive: Archive, system: System): void {
  archive.addFile('/bin/busybox', readFileSync(system.command('busybox')), 0o755)
  for (const applet of execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    // those in /usr come first
    if (applet !== 'busybox') archive.addLink(`/bin/${applet}`, 'busybox')
  }
}

function addCommand(archive: Archive, system: System, command: string): void {
  const file = system.command(command)
  archive.addFile(`/usr/bin/${command}`, readFileSync(file), 0o755)
  for (const [path, library] of system.libraries(file)) archive.addFile(path, readFileSync(library), 0o755)
}

/** The program on libbpf that test/parity compares us with. */
function addPeer(archive: Archive, scratch: string): void {
  const program = join(scratch, 'parity-peer')
  buildPeer(program)
  archive.addFile(peerInMachines, readFileSync(program), 0o755)
}

/** koffi's own code, where node_modules has it for another architecture, and a tool that carries it. */
function addNativePart(archive: Archive, system: System, checkout: string, scratch: string): void {
  const version = versionOf(join(checkout, 'node_modules/koffi'))
  const name = `@koromix/koffi-linux-${system.architecture.node}`
  const directory = system.native(name, version)
  if (directory === undefined) return
  for (const path of filesBelow(directory))
    archive.addFile(join(checkout, 'node_modules', name, relative(directory, path)), readFileSync(path))
  const tool = buildTool(checkout, scratch, system.architecture, directory)
  archive.addFile(toolInMachines, readFileSync(tool))
}

function packageDirectories(checkout: string): string[] {
  const found = new Set<string>()
  const add = (name: string): void => {
    const directory = join(checkout, 'node_modules', name)
    // those for other systems are not installed
    if (found.has(directory) || !existsSync(directory)) return
    found.add(directory)
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(directory, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string> | undefined> // package.json(5)
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) add(needed)
  }
  for (const name of packages) add(name)
  return [...found]
}

/** The tests that run on any of these kernels. */
function testsFor(kernels: readonly Kernel[], checkout: string, { all, filters }: Chosen): Set<string> {
  const isChosen = (file: string): boolean =>
    filters.length === 0 || filters.some(filter => relative(checkout, file).includes(filter))
  return new Set(
    kernels.flatMap(({ release, architecture }) => {
      const machine = { machine: release, arch: architecture.name === 'amd64' ? 'x64' : 'arm64' }
      return testFiles(join(checkout, 'test'), { all: all || filters.length > 0, ...machine }).files.filter(
        isChosen,
      )
    }),
  )
}

async function addCheckout(archive: Archive, checkout: string, tests: ReadonlySet<string>): Promise<void> {
  addAsIs(archive, join(checkout, 'package.json'))
  const paths = [...parts, ...programs].flatMap(part => filesBelow(join(checkout, part)))
  // some that the runner's own tests run are broken on purpose
  const isSource = (path: string): boolean =>
    /(?<!\.d)\.ts$/.test(path) && !path.includes('/traps/') && (tests.has(path) || !path.endsWith('.test.ts'))
  for (const path of paths) addAsIs(archive, path)
  for (const { path, bytes } of await buildSources(checkout, paths.filter(isSource)))
    archive.addFile(path, bytes)
}

/** The path itself, if it is a file. */
function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap(name => filesBelow(join(path, name)))
}

function addAsIs(archive: Archive, path: string): void {
  if (lstatSync(path).isSymbolicLink()) {
    const target = readlinkSync(path)
    archive.addLink(path, target)
    const real = resolve(dirname(path), target)
    if (existsSync(real)) archive.addFile(real, readFileSync(real), statSync(real).mode & 0o777)
  } else archive.addFile(path, readFileSync(path), statSync(path).mode & 0o777)
}
