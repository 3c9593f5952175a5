import { chmodSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Message } from 'esbuild'
import { BpfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import { writeExecutable } from './executable.ts'
import bpfpin, { type BundleOptions } from './index.ts'
import { libcOf } from './libc.ts'

export interface ToolOptions extends BundleOptions {
  /** Make a program of it that has node in it; and which node that is. */
  readonly sea?: { readonly node: string }
}

/** What was built. */
export interface Tool {
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly warnings: readonly string[]
}

/**
 * Bundles a tool into one file that runs with nothing beside it: a script (`.mjs`: a module, else CommonJS) or, with `sea`, a
 * program. The file is there as a whole or not at all.
 *
 * @throws BpfError `ERR_BUILD` where esbuild is not installed or finds errors, `ERR_NATIVE`, or with node's code.
 */
export async function buildTool(entry: string, output: string, options?: ToolOptions): Promise<Tool> {
  const { sea, ...bundle } = optionsOf(options, 'buildTool()')
  const path = resolve(output)
  if (path === resolve(entry)) {
    throw new BpfError(`'${entry}' would take its own place`, {
      code: 'ERR_BUILD',
      path,
      hint: 'name another file',
    })
  }
  const format = sea || extname(output) !== '.mjs' ? 'cjs' : 'esm'
  const libc = sea ? { libc: libcOf(sea.node) } : {}
  const { text, warnings } = await bundled(entry, format, { ...libc, ...bundle })
  const size = writeWhole(path, draft => {
    if (sea) writeExecutable(text, draft, sea.node)
    else writeFileSync(draft, text.startsWith('#!') ? text : `#!/usr/bin/env node\n${text}`)
  })
  return { path, size, warnings }
}

async function bundled(
  entry: string,
  format: 'cjs' | 'esm',
  options: BundleOptions,
): Promise<{ text: string; warnings: readonly string[] }> {
  const { build } = await loadEsbuild()
  try {
    const { outputFiles, warnings } = await build({
      entryPoints: [resolve(entry)],
      outfile: 'tool',
      bundle: true,
      minify: true,
      write: false,
      format,
      logLevel: 'silent',
      plugins: [bpfpin(options)],
    })
    return { text: outputFiles[0]!.text, warnings: warnings.map(textOf) }
  } catch (cause) {
    const errors = (cause as { errors?: readonly Message[] }).errors
    const [first] = errors ?? []
    if (!errors || !first) throw cause
    throw new BpfError(errors.map(textOf).join('\n'), {
      code: 'ERR_BUILD',
      hint: first.notes[0]?.text ?? 'correct what the messages name',
      cause,
    })
  }
}

/** The one of the project that is bundled, else what is installed beside this package. */
async function loadEsbuild(): Promise<typeof import('esbuild')> {
  for (const from of [resolve('package.json'), import.meta.url]) {
    try {
      return await import(pathToFileURL(createRequire(from).resolve('esbuild')).href)
    } catch {
      // not there
    }
  }
  throw new BpfError('esbuild is not installed, which makes one file of many', {
    code: 'ERR_BUILD',
    hint: 'npm install --save-dev esbuild',
  })
}

function textOf({ text, location }: Message): string {
  return location ? `${location.file}:${location.line}: ${text}` : text
}

/** Beside its place first: a program that runs is replaced, not overwritten, and a failure leaves nothing. */
function writeWhole(path: string, write: (draft: string) => void): number {
  let directory: string | undefined
  try {
    directory = mkdtempSync(join(dirname(path), '.bpfpin-'))
    const draft = join(directory, basename(path))
    write(draft)
    chmodSync(draft, 0o777 & ~process.umask())
    const { size } = statSync(draft)
    renameSync(draft, path)
    return size
  } catch (cause) {
    if (cause instanceof BpfError) throw cause
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException // what Node's fs throws
    throw new BpfError(`writing '${path}': ${message}`, { code, path, cause })
  } finally {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  }
}
