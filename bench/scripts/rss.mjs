// Prints how many bytes of the process are in memory: `-`, with nothing of ours; `open FILE`; `vmlinux`.
import { readFileSync } from 'node:fs'

const [what, file] = process.argv.slice(2)
let kept
if (what === 'open') kept = (await import('bpfpin')).openObject(file)
if (what === 'vmlinux') kept = (await import('bpfpin/btf')).parseBtf(readFileSync('/sys/kernel/btf/vmlinux'))
const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
console.log(kilobytes * 1024)
if (kept === null) console.log('never: what was made stays in use until here')
