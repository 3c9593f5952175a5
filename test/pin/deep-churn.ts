// A process of its own that pins and unpins one object again and again below a root that is not there, beside others that
// do the same with objects of other names. Prints how often that went well, and the code of every error.
import { type BpfError, openObject } from '../../src/index.ts'
import { patience } from '../effort.ts'

const [path = '', root = '', name = '', times = '0'] = process.argv.slice(2)
const waitMs = patience(60_000)
const counts: Record<string, number> = {}
const count = (what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1
}

for (let i = 0; i < Number(times); i++) {
  try {
    using object = openObject(path, { root, name }).upgrade({ waitMs })
    count(object.unpin({ waitMs }).removed > 0 ? 'unpinned' : 'not there')
  } catch (error) {
    const { code, message } = error as BpfError
    count(code ?? message)
    process.stderr.write(`${(error as Error).stack}\n`)
  }
}
console.log(JSON.stringify(counts))
