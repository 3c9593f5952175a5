import { execFileSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BpfError } from '../errors.ts'
import { resourcePatches } from './resource.ts'

/** What node looks for in itself (src/node_sea.cc), and where it notes that there is something to look for. */
const resourceName = 'NODE_SEA_BLOB'
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:'

/**
 * Writes a program that is node with a script in it, about 100 MB: it needs no node where it runs.
 *
 * @param script a CommonJS module that needs nothing but node's own
 * @param path where to; what is there is overwritten
 * @param node the program that is copied; it is run, too
 * @throws BpfError `ERR_BUILD` where that node cannot do it.
 */
export function writeExecutable(script: string, path: string, node: string): void {
  const blob = preparedBlob(script, node)
  copyFileSync(node, path)
  const program = readFileSync(path)
  const flag = program.indexOf(`${fuse}0`)
  const patches = flag < 0 ? undefined : resourcePatches(program, program.length, resourceName, blob)
  if (!patches) {
    throw new BpfError(`'${node}' cannot have a program in it: it is not node in one file`, {
      code: 'ERR_BUILD',
      path: node,
      hint: 'use the one of nodejs.org: --node FILE',
    })
  }
  const fd = openSync(path, 'r+')
  try {
    writeSync(fd, '1', flag + fuse.length)
    for (const { offset, bytes } of patches) writeAll(fd, bytes, offset)
  } finally {
    closeSync(fd)
  }
}

/** The script as node wants it in itself: what `node --experimental-sea-config` makes, by the node that is to run it. */
function preparedBlob(script: string, node: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'bpfpin-sea-'))
  try {
    const [main, output, config] = ['main.cjs', 'blob', 'config.json'].map(name => join(directory, name))
    writeFileSync(main!, script)
    writeFileSync(config!, JSON.stringify({ main, output, disableExperimentalSEAWarning: true }))
    const { NODE_OPTIONS: _, ...env } = process.env
    execFileSync(node, ['--experimental-sea-config', config!], { env, stdio: 'pipe' })
    return readFileSync(output!)
  } catch (cause) {
    throw new BpfError(`'${node}' cannot make a program of a script: ${reasonOf(cause)}`, {
      ...{ code: 'ERR_BUILD', path: node, cause },
      hint: 'it must be node 20 or later for this machine',
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function reasonOf(error: unknown): string {
  // what a command that ends with an error printed
  const { stderr, message } = error as { stderr?: Uint8Array; message: string }
  const printed = stderr === undefined ? '' : Buffer.from(stderr).toString().trim()
  return printed.split('\n', 1)[0] || message
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done)
}
