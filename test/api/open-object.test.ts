// What a program without types could pass.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type OpenOptions, openObject } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'

const refused: readonly [options: object, code: string, message: string][] = [
  [{ layout: 'flat' }, 'ERR_VALUE', "layout 'flat': there are 'object' and 'libbpf'"],
  [{ layout: null }, 'ERR_VALUE', "layout null: there are 'object' and 'libbpf'"],
  [{ name: 7 }, 'ERR_NAME', "the object's name is 7, and not a text"],
  [{ name: ['x'] }, 'ERR_NAME', "the object's name is an array, and not a text"],
  [{ root: 7 }, 'ERR_NAME', "the object's root is 7, and not a text"],
]

for (const [options, code, message] of refused) {
  test(`an object opened with ${JSON.stringify(options)} is refused`, () => {
    // not of the type, which is the point
    const error = failure(() => openObject(fixture('functions'), options as OpenOptions))
    assert.is(error.code, code)
    assert.is(error.message, message)
  })
}

test.run()
