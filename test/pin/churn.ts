// A process of its own that pins and unpins one object again and again, beside others that do the same. Prints how often
// it held the object whole, how often it was the one who unpinned it, and the code of every error.
import { type BpfError, openObject } from '../../src/index.ts'
import { patience } from '../effort.ts'

const [path = '', root = '', times = '0'] = process.argv.slice(2)
const waitMs = patience(60_000)
const counts: Record<string, number> = {}
const count = (what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1
}

for (let i = 0; i < Number(times); i++) {
  try {
    using object = openObject(path, { root, name: 'churn' }).upgrade({ waitMs })
    count(object.maps.size === 2 && object.programs.size === 1 ? 'whole' : 'partial')
    // now and then long enough for a reader to come by
    if (i % 4 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    if (object.unpin({ waitMs }).removed > 0) count('unpinned')
  } catch (error) {
    const { code, message } = error as BpfError
    count(code ?? message)
    if (code === undefined || !code.startsWith('ERR_')) process.stderr.write(`${(error as Error).stack}\n`)
  }
}
console.log(JSON.stringify(counts))
