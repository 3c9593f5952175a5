import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BtfError, ElfError } from '../../src/errors.ts'
import { parseSpec } from '../../src/spec/parse.ts'

// each source says in a comment of its own how its object is refused
const directory = new URL('../fixtures/wrong/', import.meta.url)

for (const source of readdirSync(directory).filter(name => name.endsWith('.bpf.c'))) {
  const name = source.replace('.bpf.c', '')
  test(`the object ${name} is refused with its reason`, () => {
    const expected = /^\/\/ refused: (.+)$/m.exec(readFileSync(new URL(source, directory), 'utf8'))?.[1]
    assert.ok(expected, 'the source says how it is refused')
    const object = readFileSync(new URL(`${name}.bpf.o`, directory))
    try {
      parseSpec(object, name)
    } catch (error) {
      assert.ok(error instanceof ElfError || error instanceof BtfError, String(error))
      assert.ok(error.message.includes(expected!), `expected: ${expected}\nactual: ${error.message}`)
      return
    }
    assert.unreachable('it was not refused')
  })
}

test.run()
