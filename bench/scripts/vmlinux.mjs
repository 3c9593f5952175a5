// From nothing to what a program wants to know of the running kernel: the same lookups as in ../peers/btf.c.
import { kernelTypes } from 'bpfpin'

const { readFileSync } = process.getBuiltinModule('node:fs')
const lookups = readFileSync(process.argv[2], 'utf8').trim().split('\n')
const btf = kernelTypes()
for (const line of lookups) {
  const [kind, name, member] = line.split(' ')
  const type = btf.find(name, kind)
  const isFound = member === '-' ? type : type?.members.find(each => each.name === member)
  if (!isFound) process.exit(1)
}
