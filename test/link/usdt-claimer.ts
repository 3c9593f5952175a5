// usdt-claimer OBJECT ROOT BINARY NUMBER COUNT: finds the pinned object and, at a line of its input, attaches to a probe COUNT
// times more, with cookies that no other number has. What it attached ends with its input.
import { once } from 'node:events'
import { openObject } from '../../src/index.ts'

const [path = '', root = '', binary = '', number, count] = process.argv.slice(2)
const spec = openObject(path, { root, name: 'usdt' })
for (const one of spec.programs) one.autoload = one.name === 'on_probe'
spec.programs.get('on_probe').target = { usdt: 'bpfpin:counted', binary }
using object = spec.loadPinned()
const program = object.programs.get('on_probe')
process.stdout.write('ready\n')
await once(process.stdin, 'data')
for (let i = 0; i < Number(count); i++) {
  program.spec!.link.cookie = BigInt(number ?? 0) * 1000n + BigInt(i)
  program.attach()
}
process.stdout.write('attached\n')
await once(process.stdin, 'end')
