import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { showProgress } from '../../src/cli/progress.ts'

/** A stream that keeps what is written. */
const stream = (isTTY: boolean) => {
  const written: string[] = []
  return { written, isTTY, write: (text: string) => written.push(text) > 0 }
}

test('on a terminal one line says how far copying is, ten times a second at most, and goes in the end', () => {
  const terminal = stream(true)
  let time = 0
  {
    using progress = showProgress(terminal, () => time)
    for (const done of [1000, 2000, 3000]) {
      progress.onProgress?.({ map: 'flows', done, total: 1_000_000 })
      time += 60
    }
  }
  assert.equal(terminal.written, [
    '\rconverting flows: 1,000 of at most 1,000,000 entries\u001b[K',
    '\rconverting flows: 3,000 of at most 1,000,000 entries\u001b[K',
    '\r\u001b[K',
  ])
})

test('where there is no terminal nothing is written', () => {
  const pipe = stream(false)
  {
    using progress = showProgress(pipe)
    assert.is(progress.onProgress, undefined)
  }
  assert.equal(pipe.written, [])
})

test('nothing is cleared that was not written', () => {
  const terminal = stream(true)
  showProgress(terminal).clear()
  assert.equal(terminal.written, [])
})

test.run()
