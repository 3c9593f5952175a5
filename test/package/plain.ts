// What a service does with the library, and nothing else.
import { openObject, openPinned } from '../../src/index.ts'
import { fixture } from '../fixtures.ts'

const root = process.argv[2] ?? ''
using object = openObject(fixture('counter'), { root }).upgrade()
using found = openPinned('counter', { root, readOnly: true })
if (found.maps.size !== object.maps.size) throw new Error('not all of it was found')
object.unpin()
