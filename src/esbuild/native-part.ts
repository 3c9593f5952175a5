import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { BpfError } from '../errors.ts'
import { filter, unfilter } from './filter.ts'
import { type Arch, type NativeTarget, targetName } from './targets.ts'

/** koffi's native part as a bundle carries it. */
export interface NativePart {
  /** Brotli of the file with a filter before it. */
  readonly compressed: Uint8Array
  /** Its licence, which goes where it goes. */
  readonly notice: string
}

interface Package {
  readonly directory: string
  readonly version: string
}

const compress = promisify(brotliCompress)
const made = new Map<string, Promise<Uint8Array>>()

/**
 * koffi's native part for a target, from the packages that npm installed. Compressed once in a process, as that takes two
 * seconds.
 *
 * @param user the module that loads koffi: it is found from there
 * @throws BpfError `ERR_NATIVE` where it is not installed, or in another version than koffi.
 */
export async function nativePart(target: NativeTarget, user: string): Promise<NativePart> {
  const koffi = koffiOf(user)
  const path = addonPath(target, koffi)
  let part = made.get(path)
  if (!part) {
    part = compressed(path, target.arch)
    made.set(path, part)
  }
  const licence = readFileSync(join(koffi.directory, 'LICENSE.txt'), 'utf8')
  return { compressed: await part, notice: `koffi ${koffi.version}\n\n${licence}` }
}

async function compressed(path: string, arch: Arch): Promise<Uint8Array> {
  if (endianness() === 'BE')
    throw new BpfError('bundles are made on little-endian machines, and this is none', { code: 'ERR_NATIVE' })
  const original = readFileSync(path)
  const bytes = Buffer.from(original)
  filter(bytes, arch)
  const restored = Buffer.from(bytes)
  unfilter(restored, arch)
  if (!restored.equals(original))
    throw new BpfError(`'${path}' would not be the same again in a bundle`, { code: 'ERR_NATIVE' })
  return compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      // distances in code and tables are multiples of four
      [constants.BROTLI_PARAM_NPOSTFIX]: 2,
    },
  })
}

function koffiOf(user: string): Package {
  try {
    return packageOf(createRequire(user).resolve('koffi'))
  } catch (cause) {
    const hint = 'npm install --include=optional koffi'
    throw new BpfError('cannot bundle koffi: it is not installed', { code: 'ERR_NATIVE', hint, cause })
  }
}

/** Where npm put it: one package a processor, a directory in it for each C library. */
function addonPath({ arch, libc }: NativeTarget, koffi: Package): string {
  const name = `@koromix/koffi-linux-${arch}`
  const file = `${libc === 'glibc' ? 'linux' : 'musl'}_${arch}/koffi.node`
  const missing = (problem: string, cause?: unknown): BpfError =>
    new BpfError(`cannot bundle koffi for ${targetName({ arch, libc })}: ${problem}`, {
      code: 'ERR_NATIVE',
      hint: `npm install --no-save --force ${name}@${koffi.version}`,
      cause,
    })
  let path: string
  try {
    path = createRequire(join(koffi.directory, 'package.json')).resolve(`${name}/${file}`)
  } catch (cause) {
    throw missing(`${name} is not installed, as npm installs it for the machine that it runs on`, cause)
  }
  const { version } = packageOf(path)
  if (version === koffi.version) return path
  throw missing(`koffi is ${koffi.version} and ${name} is ${version}`)
}

/** The package that a file is in: what was resolved is in one. */
function packageOf(file: string): Package {
  let directory = dirname(file)
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  // npm installs no package without a version
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
  return { directory, version }
}
