// A process that makes a system call and then reads the types of the kernel: how often it has them mapped, and how many there are.
import { readFileSync } from 'node:fs'
import { readBtfFile } from '../../src/object/btf-file.ts'
import { fileSystemType } from '../../src/syscall/index.ts'

const vmlinux = '/sys/kernel/btf/vmlinux'
fileSystemType('/')
const btf = readBtfFile(vmlinux)
const mapped = readFileSync('/proc/self/maps', 'utf8').split(vmlinux).length - 1
const { count } = btf
const isSame = Buffer.compare(btf.bytes, readFileSync(vmlinux)) === 0
console.log(JSON.stringify({ mapped, count, isSame }))
