// A process of its own that exchanges two directories below a root until it is told to stop. It says when it begins, and at
// the end how often it did.
import { Root } from '../../src/pin/index.ts'
import { renameFile, renameFlag } from '../../src/syscall/index.ts'

const [path = '', one = '', two = ''] = process.argv.slice(2)
const root = Root.open(path, 0o700)
let swaps = 0
const timer = setInterval(() => {
  // an odd number: or who looks between two rounds only would see one of them always
  for (let i = 0; i < 51; i++) if (renameFile(one, two, renameFlag.EXCHANGE, root.fd) === 0) swaps++
})
process.stdin.on('end', () => {
  clearInterval(timer)
  root.close()
  console.log(swaps)
})
process.stdin.resume()
console.log('swapping')
