// Prints whether koffi is in the memory of this process, step by step.
import { readFileSync } from 'node:fs'
import { openMap, openObject } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const hasNative = (): boolean => readFileSync('/proc/self/maps', 'utf8').includes('koffi')

const imported = hasNative()
openObject(fixture('counter'))
const opened = hasNative()
try {
  openMap('/no/such/map')
} catch {
  // that it is not there is what the kernel said
}
console.log(JSON.stringify({ imported, opened, called: hasNative() }))
