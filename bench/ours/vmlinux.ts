import { readBtfFile } from '../../src/object/index.ts'
import { lookUp, readLookups } from './lookups.ts'
import { type Operation, timed } from './operation.ts'

/** From the file to what a program wants to know of the running kernel: what kernelTypes() does, which keeps the result. */
export const vmlinux: Readonly<Record<string, Operation>> = {
  'vmlinux-btf': ({ file }) => {
    const lookups = readLookups(file)
    return timed(() => lookUp(readBtfFile('/sys/kernel/btf/vmlinux'), lookups))
  },
}
