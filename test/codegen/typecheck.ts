import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** What a project may have on besides `strict`. */
export const strictest: Readonly<Record<string, boolean>> = {
  ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noUnusedLocals: true },
  ...{ isolatedDeclarations: true, declaration: true, verbatimModuleSyntax: true, erasableSyntaxOnly: true },
}

/**
 * What `tsc --noEmit --strict` says of some modules, by path, in a project that has the package installed: its declarations
 * as they are published. A line for each error.
 */
export function typecheck(
  files: Readonly<Record<string, string>>,
  options: Readonly<Record<string, boolean>> = {},
): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-types-'))
  try {
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(installed(), join(directory, 'node_modules/bpfpin'))
    const project = { 'package.json': '{ "type": "module" }', 'tsconfig.json': config(options) }
    for (const [path, text] of Object.entries({ ...files, ...project })) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
    return tsc('-p', directory, '--pretty', 'false')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

let packaged: string | undefined

/** The package's declarations, made once. */
function installed(): string {
  if (packaged) return packaged
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-package-'))
  process.on('exit', () => rmSync(directory, { recursive: true }))
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'))
  const outDir = join(directory, 'dist')
  const errors = tsc(
    '-p',
    join(root, 'tsconfig.build.json'),
    '--noCheck',
    '--emitDeclarationOnly',
    '--outDir',
    outDir,
  )
  if (errors.length > 0) throw new Error(errors.join('\n'))
  packaged = directory
  return directory
}

function tsc(...args: string[]): string[] {
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), args, { encoding: 'utf8' })
  const errors = stdout.split('\n').filter(line => line !== '')
  if ((status === 0) !== (errors.length === 0)) throw new Error(`tsc ended with ${status}: ${stdout}`)
  return errors
}

function config(options: Readonly<Record<string, boolean>>): string {
  return JSON.stringify({
    compilerOptions: {
      ...{ noEmit: true, strict: true, target: 'es2023', lib: ['es2023', 'esnext.disposable'] },
      ...{ module: 'nodenext', moduleResolution: 'nodenext', allowImportingTsExtensions: true },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')], ...options },
    },
    include: ['**/*'],
  })
}
