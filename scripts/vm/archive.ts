import { closeSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const directory = 0o040755
const regularFile = 0o100000
const symbolicLink = 0o120777

/**
 * Writes a cpio archive as the kernel unpacks it into its first root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed: that is quickest in an emulator. Parents are
 * made by themselves; a path that is there already is left as it is.
 */
export class Archive {
  readonly #fd: number
  readonly #names = new Set<string>()

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
  }

  has(path: string): boolean {
    return this.#names.has(path)
  }

  addFile(path: string, bytes: Uint8Array, mode: number = 0o644): void {
    this.#add(path, regularFile | mode, bytes)
  }

  addLink(path: string, target: string): void {
    this.#add(path, symbolicLink, Buffer.from(target))
  }

  addDirectory(path: string): void {
    this.#add(path, directory, new Uint8Array(0))
  }

  close(): void {
    this.#write('TRAILER!!!', 0, new Uint8Array(0))
    closeSync(this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #add(path: string, mode: number, bytes: Uint8Array): void {
    if (this.#names.has(path)) return
    const parent = dirname(path)
    if (parent !== '/') this.addDirectory(parent)
    this.#names.add(path)
    this.#write(path.slice(1), mode, bytes)
  }

  #write(name: string, mode: number, bytes: Uint8Array): void {
    const links = mode === directory ? 2 : 1
    const nameSize = Buffer.byteLength(name) + 1
    // inode, mode, uid, gid, links, mtime, size, device x2, special device x2, size of the name, checksum
    const fields = [this.#names.size, mode, 0, 0, links, 0, bytes.length, 0, 0, 0, 0, nameSize, 0]
    const header = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`
    this.#writeAligned(Buffer.from(header))
    this.#writeAligned(bytes)
  }

  #writeAligned(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    const padding = -bytes.length & 3
    if (padding > 0) writeSync(this.#fd, new Uint8Array(padding))
  }
}
