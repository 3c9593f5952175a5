import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/** A directory as somebody has it who installed the package, for as long as the process lives. */
export interface Project {
  readonly directory: string
  /** The path of a file in it. */
  path(name: string): string
  write(name: string, text: string): void
}

/** The package is built of the sources that are tested; what it depends on is the checkout's. */
export function freshProject(): Project {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-project-'))
  process.once('exit', () => rmSync(directory, { recursive: true }))
  const path = (name: string): string => join(directory, name)
  mkdirSync(path('node_modules/bpfpin'), { recursive: true })
  const hook = join(checkout, 'test/ts-hook.mjs')
  const build = join(checkout, 'scripts/build.ts')
  execFileSync(process.execPath, ['--import', hook, build, path('node_modules/bpfpin/dist')])
  cpSync(join(checkout, 'package.json'), path('node_modules/bpfpin/package.json'))
  for (const name of ['koffi', '@koromix', 'esbuild']) {
    symlinkSync(join(checkout, 'node_modules', name), path(`node_modules/${name}`))
  }
  const write = (name: string, text: string): void => writeFileSync(path(name), text)
  write('package.json', '{ "private": true, "type": "module" }')
  return { directory, path, write }
}
