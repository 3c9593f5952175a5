import { readFileSync } from 'node:fs'
import { parseBtf } from '../../src/btf/index.ts'
import { lookUp, readLookups } from './lookups.ts'
import { type Operation, timed } from './operation.ts'

/** From the file to what a program wants to know of the running kernel. */
export const vmlinux: Readonly<Record<string, Operation>> = {
  'vmlinux-btf': ({ file }) => {
    const lookups = readLookups(file)
    return timed(() => lookUp(parseBtf(readFileSync('/sys/kernel/btf/vmlinux')), lookups))
  },
}
