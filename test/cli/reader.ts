// A process of its own: opens a pinned object without its file and prints its counters.
import { openPinned } from '../../src/index.ts'

const [name = '', root = ''] = process.argv.slice(2)
using object = openPinned(name, { root, readOnly: true })
const counters = [...object.variables].filter(({ map }) => map === '.bss')
console.log(JSON.stringify(Object.fromEntries(counters.map(one => [one.name, Number(one.get())]))))
