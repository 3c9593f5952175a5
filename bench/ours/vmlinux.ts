import { readBtfFile } from '../../src/object/index.ts'
import { fileSystemType } from '../../src/syscall/index.ts'
import { lookUp, readLookups } from './lookups.ts'
import { type Operation, timed } from './operation.ts'

/**
 * From the file to what a program wants to know of the running kernel: what kernelTypes() does, which keeps the result. Of two
 * processes, one has made a system call before, as those have that load objects, and one has not.
 */
export const vmlinux: Readonly<Record<string, Operation>> = {
  'vmlinux-btf': ({ file }) => {
    fileSystemType('/')
    return read(file)
  },
  'vmlinux-btf-read': ({ file }) => read(file),
}

function read(file: string): ReturnType<Operation> {
  const lookups = readLookups(file)
  return timed(() => lookUp(readBtfFile('/sys/kernel/btf/vmlinux'), lookups))
}
