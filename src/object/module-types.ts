import { readdirSync, readFileSync } from 'node:fs'
import { type Btf, parseBtf } from '../btf/index.ts'
import type { TargetTypes } from '../spec/core/candidates.ts'
import { kernelTypes } from './kernel-btf.ts'

const directory = '/sys/kernel/btf'

/** The types of a module. */
export interface ModuleType extends TargetTypes {
  /** The module's name: `'nf_conntrack'`. */
  readonly module: string
}

/** Those of the running kernel. */
export function kernelModules(): ModuleTypes {
  return new ModuleTypes(kernelTypes)
}

/** Types of the kernel's modules, each read when it may have what is asked for. For as long as an object is being loaded. */
export class ModuleTypes {
  readonly #base: () => Btf
  #blobs: ReadonlyMap<string, Buffer> | undefined
  readonly #parsed = new Map<string, ModuleType>()
  readonly #offsets = new Map<string, readonly number[]>()

  /** @param base the kernel's own types, which those of modules build on */
  constructor(base: () => Btf) {
    this.#base = base
  }

  /** Modules that may have a type of this name or a flavour of it. To know it for sure costs more than to look. */
  *named(name: string): IterableIterator<ModuleType> {
    this.#blobs ??= readBlobs()
    for (const [module, blob] of this.#blobs) {
      if (!hasText(blob, name) && !this.#refersTo(blob, name)) continue
      yield this.#parse(module, blob)
    }
  }

  /** The module of this name, if it is loaded and describes its types. */
  *called(module: string): IterableIterator<ModuleType> {
    const blob = this.#blobs?.get(module) ?? readBlob(module)
    if (blob) yield this.#parse(module, blob)
  }

  /** A name that the kernel's types have as well (of a member, perhaps) is not in the module again, only where it is. */
  #refersTo(blob: Buffer, name: string): boolean {
    const offsets = this.#offsetsOf(name)
    if (offsets.length === 0) return false
    const words = new Uint32Array(blob.buffer, blob.byteOffset, blob.length >> 2)
    return offsets.some(offset => words.includes(offset))
  }

  #offsetsOf(name: string): readonly number[] {
    const known = this.#offsets.get(name)
    if (known) return known
    const strings = this.#base().records.strings()
    const text = Buffer.from(strings.buffer, strings.byteOffset, strings.length)
    const offsets = [...placesOf(text, name)]
    this.#offsets.set(name, offsets)
    return offsets
  }

  #parse(module: string, blob: Buffer): ModuleType {
    const known = this.#parsed.get(module)
    if (known) return known
    const types = {
      module,
      name: `module ${module}`,
      btf: parseBtf(blob, { base: this.#base(), where: `${directory}/${module}` }),
    }
    this.#parsed.set(module, types)
    return types
  }
}

function readBlobs(): Map<string, Buffer> {
  const blobs = new Map<string, Buffer>()
  for (const module of listModules()) {
    const blob = readBlob(module)
    if (blob) blobs.set(module, blob)
  }
  return blobs
}

/** Modules come and go while we look. */
function readBlob(module: string): Buffer | undefined {
  if (module.includes('/')) return undefined
  try {
    return aligned(readFileSync(`${directory}/${module}`))
  } catch {
    return undefined
  }
}

function listModules(): string[] {
  try {
    return readdirSync(directory)
      .filter(name => name !== 'vmlinux')
      .sort()
  } catch {
    return []
  }
}

/** Words can be read at multiples of four only. */
function aligned(blob: Buffer): Buffer {
  return blob.byteOffset % 4 === 0 ? blob : Buffer.from(new Uint8Array(blob).buffer)
}

function hasText(blob: Buffer, name: string): boolean {
  return !placesOf(blob, name).next().done
}

/** Where a name stands that is whole, or that a flavour follows. */
function* placesOf(bytes: Buffer, name: string): IterableIterator<number> {
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
    const end = at + Buffer.byteLength(name)
    if (bytes[end] === 0 || bytes.toString('latin1', end, end + 3) === '___') yield at
  }
}
