import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Btf, cDeclarations, parseBtf } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import { readBtfFile } from '../object/index.ts'
import { UsageError } from './command-line.ts'
import type { Output } from './output.ts'

/** Where the kernel shows its types, those of each module in a file that continues vmlinux. */
const kernelDirectory = '/sys/kernel/btf'

/** Prints the types in a file. */
export function printBtf(path: string, format: string, output: Output): void {
  if (format !== 'c') {
    throw new UsageError(`inspect: option '--btf' takes c, not '${format}'`, 'inspect --help')
  }
  const text = [...cDeclarations(readTypes(resolve(path)))].join('')
  if (output.json) output.document({ declarations: text })
  else output.print(text.trimEnd().split('\n'))
}

/** @throws BtfError, and as readBtfFile */
function readTypes(path: string): Btf {
  const isModule = dirname(path) === kernelDirectory && basename(path) !== 'vmlinux'
  if (!isModule) return readBtfFile(path)
  return parseBtf(readModule(path), { where: path, base: readBtfFile(`${kernelDirectory}/vmlinux`) })
}

function readModule(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code = 'EIO', message } = cause as NodeJS.ErrnoException // what Node's fs throws
    const reason = code === 'ENOENT' ? 'no module of that name is loaded' : message
    throw new BpfError(`reading the types in '${path}': ${reason}`, { code, path, cause })
  }
}
