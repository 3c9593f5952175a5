// A process of its own (node --expose-gc) in which all garbage is collected, and its memory written over, right before
// the kernel reads the keys and values of maps. Prints what it loaded.
import { openObject } from '../../src/index.ts'
import { interceptSyscalls } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'

const { gc } = globalThis as { gc?: () => void }
let isArmed = false
let rubble: Uint8Array[] = []
interceptSyscalls(call => {
  if (isArmed && /MAP_(UPDATE|LOOKUP)_ELEM/.test(call.name)) {
    gc?.()
    rubble = Array.from({ length: 2000 }, () => new Uint8Array(new ArrayBuffer(4)).fill(0xee))
  }
  return undefined
})

const spec = openObject(fixture('counter'), { root: '/nowhere' })
spec.variables.get('weight').set(0x4141414141414141n)
// optimized code lets go of what it does not use again
for (let i = 0; i < 1500; i++) spec.load().close()
const seen: string[] = []
for (let i = 0; i < 10; i++) {
  isArmed = true
  using object = spec.load()
  const { weight } = object.maps.get('.data').get(0) as { weight: bigint }
  isArmed = false
  seen.push(weight.toString(16))
}
console.log(JSON.stringify({ gc: typeof gc, seen, rubble: rubble.length }))
