// Opens maps pinned in a directory, and copies or sweeps; ends itself by SIGKILL before one of its runs of a program, or of
// its batch calls: `sweep-killed.ts DIRECTORY CALL`. See sweep-killed.kernel.test.ts.
import { openMap } from '../../src/index.ts'
import { sweepEntries } from '../../src/pin/sweep.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { liveConversion } from './carried.ts'

const [directory = '', last = ''] = process.argv.slice(2)
using old = openMap(`${directory}/old`)
using next = openMap(`${directory}/new`)
using snapshot = openMap(`${directory}/snapshot`)

let calls = 0
interceptSyscalls(({ name }) => {
  const counts = name === 'bpf(BPF_PROG_TEST_RUN)' || name === 'bpf(BPF_MAP_LOOKUP_BATCH)'
  if (counts && ++calls === Number(last)) process.kill(process.pid, 'SIGKILL')
  return undefined
})
sweepEntries(liveConversion(old, next), snapshot.fd)
