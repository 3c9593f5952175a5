// A process that makes a path lead elsewhere 10,000 times, in the way that it is told, while another one pins there.
import { existsSync } from 'node:fs'
import { openFile, openFlag, renameFile, renameFlag } from '../../src/syscall/files.ts'

const [how = '', root = ''] = process.argv.slice(2)
const directory = openFile(root, openFlag.PATH | openFlag.DIRECTORY)

const ways: Record<string, () => number> = {
  /** Two names change places. */
  exchange: () => renameFile('way', 'spare', renameFlag.EXCHANGE, directory),
  /** A name comes and goes, as far as nobody else has it. */
  'come and go': () => {
    const away = renameFile('way', 'spare', renameFlag.NOREPLACE, directory)
    return away === 0 ? 0 : renameFile('spare', 'way', renameFlag.NOREPLACE, directory)
  },
}

const swap = ways[how]
if (!swap || !existsSync(root)) throw new Error(`nothing is known of '${how}' at '${root}'`)
const clock = new Int32Array(new SharedArrayBuffer(4))
console.log('begun')
let swapped = 0
for (let tries = 0; swapped < 10_000 && tries < 40_000; tries++) {
  if (swap() === 0) swapped++
  // at a new moment of the other's work each time, and for long enough to meet hundreds of pins; after an odd number, so that
  // the name is there while this one sleeps every other time, on one CPU, too
  if (tries % 17 === 0) Atomics.wait(clock, 0, 0, tries % 3)
}
console.log(swapped)
