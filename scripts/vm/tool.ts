import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'

/** Where the tool is in a machine: nothing that it could import is beside or above it. */
export const toolInMachines = '/opt/tool.mjs'

/**
 * Builds the tool of the tests for another processor, as somebody does who installed the package and the native part that
 * the error names; the result is its path.
 *
 * @param native directory of koffi's native part for that processor
 */
export function buildTool(
  checkout: string,
  scratch: string,
  architecture: Architecture,
  native: string,
): string {
  const project = join(scratch, `tool-${architecture.name}`)
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, 'bpfpin'), { recursive: true })
  const node = (...args: string[]): void => {
    execFileSync(process.execPath, args, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const hook = join(checkout, 'test/ts-hook.mjs')
  node('--import', hook, join(checkout, 'scripts/build.ts'), join(modules, 'bpfpin/dist'))
  cpSync(join(checkout, 'package.json'), join(modules, 'bpfpin/package.json'))
  for (const name of ['binary-parser', 'esbuild'])
    symlinkSync(join(checkout, 'node_modules', name), join(modules, name))
  // koffi's parts are found from where koffi is, and not from where a link to it is
  cpSync(join(checkout, 'node_modules/koffi'), join(modules, 'koffi'), { recursive: true })
  cpSync(native, join(modules, `@koromix/koffi-linux-${architecture.node}`), { recursive: true })
  cpSync(join(checkout, 'test/fixtures/execs.bpf.o'), join(project, 'execs.bpf.o'))
  cpSync(join(checkout, 'test/esbuild/tool-execs.ts.txt'), join(project, 'tool.ts'))
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const main = join(modules, 'bpfpin/dist/cli/main.js')
  node(main, 'build-tool', 'tool.ts', '-o', 'tool.mjs', '--arch', architecture.node)
  return join(project, 'tool.mjs')
}
