import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const shapes = suite('shapes')

shapes('is equal', () => {
  assert.equal({ a: 1 }, { a: 2 })
})
shapes('passes', () => {})
shapes.run()
