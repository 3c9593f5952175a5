import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BpfError, openObject } from '../../src/index.ts'
import { needs } from '../requirements.ts'

// each source says in its first line how its object is refused when it is loaded
const directory = new URL('../fixtures/refused/', import.meta.url)

for (const source of readdirSync(directory).filter(name => name.endsWith('.bpf.c'))) {
  const name = source.replace('.bpf.c', '')
  needs(test, 'root')(`the object ${name} is opened, and refused with its reason when it is loaded`, () => {
    const expected = /^\/\/ refused: (.+)$/m.exec(readFileSync(new URL(source, directory), 'utf8'))?.[1]
    assert.ok(expected, 'the source says how it is refused')
    const spec = openObject(new URL(`${name}.bpf.o`, directory).pathname)
    try {
      spec.load().close()
    } catch (error) {
      assert.instance(error, BpfError)
      const { message, hint } = error as BpfError
      assert.ok(message.includes(expected!), `expected: ${expected}\nactual: ${message}`)
      assert.ok(hint, 'there is something that can be done')
      return
    }
    assert.unreachable('it was not refused')
  })
}

test.run()
