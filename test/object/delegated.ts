// Run in a user namespace: loads, pins, finds and unpins an object, and says what came of it.
import { BpfError, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const [root = '', token] = process.argv.slice(2)
const spec = openObject(fixture('functions'), { root, ...(token === undefined ? {} : { token }) })

try {
  using object = spec.load()
  object.pin()
  using again = spec.loadPinned()
  const [program] = again.programs
  const ids = [object, again].map(one => one.programs.get(program!.name).id)
  again.unpin()
  console.log(JSON.stringify({ programs: again.programs.size, isSame: ids[0] === ids[1] }))
} catch (error) {
  if (!(error instanceof BpfError)) throw error
  const { code, message, hint } = error
  console.log(JSON.stringify({ code, message, hint }))
}
