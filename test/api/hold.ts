// A process of its own that pins an object, says so, and then only waits to be killed.
import { openObject } from '../../src/index.ts'

const [path = '', root = ''] = process.argv.slice(2)
const spec = openObject(path, { root })
spec.variables.get('only_pid').set(Number(process.ppid))
const object = spec.upgrade()
console.log(JSON.stringify([...object.links].map(({ name, id }) => [name, id])))
setInterval(() => {}, 1000)
