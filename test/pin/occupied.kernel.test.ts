import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, symlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ObjectSpec, openObject, openPinned } from '../../src/index.ts'
import { failure } from '../failure.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const root = process.env.BPFPIN_TEST_ROOT ?? ''
const onKernel = needs(test, 'root', 'bpftool')

const functions = (): ObjectSpec => openObject(fixture('functions'), { root })

/** Somebody else's map; the result is its id. */
function pinForeign(path: string): number {
  const shape = ['type', 'array', 'key', '4', 'value', '4', 'entries', '1', 'name', 'foreign']
  execFileSync('bpftool', ['map', 'create', path, ...shape])
  const shown = execFileSync('bpftool', ['--json', 'map', 'show', 'pinned', path], { encoding: 'utf8' })
  return (JSON.parse(shown) as { id: number }).id
}

for (const name of ['functions', 'functions~next']) {
  onKernel(`a pin that has the name '${name}' is named, and stays`, () => {
    const path = `${root}/${name}`
    const id = pinForeign(path)
    const error = failure(() => functions().upgrade())
    assert.is(error.code, 'ERR_PIN_KIND')
    assert.is(error.message, `${path} is the map 'foreign' with id ${id}, and not the directory of an object`)
    assert.is(error.path, path)
    assert.equal(readdirSync(root), [name])
    rmSync(path)
  })
}

onKernel('who only reads is told, too, what has the name of an object', () => {
  const path = `${root}/functions`
  const id = pinForeign(path)
  assert.match(failure(() => openPinned('functions', { root })).message, `the map 'foreign' with id ${id}`)
  rmSync(path)
  symlinkSync(`${root}/nowhere`, path)
  assert.match(failure(() => openPinned('functions', { root })).message, `${path} is a symbolic link`)
  rmSync(path)
})

test.run()
