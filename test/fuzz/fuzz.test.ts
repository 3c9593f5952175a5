// A fixed number of cases of what `npm run fuzz` goes on with for as long as one wants.
import { Serializer } from 'node:v8'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runCases } from './cases.ts'
import { examine, isPlaced, type Target } from './contract.ts'
import type { Sound } from './damage.ts'
import { targets } from './targets/index.ts'

const cases = 1500

for (const target of targets) {
  test(`what is damaged for '${target.name}' is read or refused with a place, soon, in little memory`, () => {
    const found = runCases(target, 20261123, cases)
    if ('what' in found) throw found.what
    assert.is(found.cases, cases)
    // damage that is never seen, or always, would test little
    if (target.name !== 'parser') assert.ok(found.refused > cases / 10 && found.refused < cases * 0.95)
  })
}

// the contract itself: each breach is seen

/** A target that does this. */
function doing(ask: Target['ask'], hasTwin = false): Target {
  return { ...targets[0]!, name: 'test', ask, hasTwin, isRefusal: isPlaced }
}

const input = new Uint8Array(64)

const kept: Uint8Array[] = []
const breaches: readonly (readonly [what: string, ask: Target['ask'], message: RegExp])[] = [
  [
    'an error of another class',
    () => (null as unknown as () => void)(),
    /not refused as it should be: TypeError/,
  ],
  ['what writes to its input', bytes => bytes.fill(1, 3, 4), /the input was written to/],
  [
    'what writes behind it',
    bytes => new Uint8Array(bytes.buffer).fill(1, bytes.byteOffset + bytes.length),
    /bytes around it were written to/,
  ],
  [
    'what reads in front of it',
    (bytes, questions) => questions.note(new Uint8Array(bytes.buffer)[bytes.byteOffset - 1]),
    /other bytes around it change the answer/,
  ],
  [
    'what takes much memory',
    () => {
      kept.push(new Uint8Array(2 ** 26))
    },
    /took \d+ bytes for 64/,
  ],
  ['what has cores that differ', (_, questions) => questions.note(questions.core), /wasm and other bytes/],
]
for (const [what, ask, message] of breaches) {
  test(`${what} is seen`, () => {
    assert.throws(() => examine(doing(ask, true), input), message)
    kept.length = 0
  })
}

test('what takes much memory for a moment only is seen', () => {
  const much = new Uint8Array(5 * 2 ** 23)
  const fleeting = doing(bytes => {
    // a copy that neither V8 counts nor anybody can get at
    if (bytes.length % 8 === 3) new Serializer().writeRawBytes(much)
  })
  const found = runCases({ ...fleeting, sounds: fc.constant(zeros) }, 1, 2000)
  assert.match('what' in found ? found.what.message : '', /took \d+ bytes for a moment/)
})

test('what takes long for its size is seen, and what only waits is not', () => {
  const until = (isOver: () => boolean): void => {
    while (!isOver());
  }
  const busy = doing(() => {
    const start = process.cpuUsage()
    until(() => process.cpuUsage(start).user + process.cpuUsage(start).system > 450_000)
  })
  assert.throws(() => examine(busy, input), /took \d+ ms for 64 bytes/)
  const waiting = doing(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450)
  })
  examine(waiting, input)
})

const zeros: Sound = { name: 'zeros', bytes: new Uint8Array(64), parts: [] }

test('a finding is small, and the same for the same seed', () => {
  const picky = doing(bytes => {
    if (bytes.length > 20 && bytes[20]! > 100) throw new Error('a byte of more than 100')
  })
  const target = { ...picky, sounds: fc.constant(zeros) }
  const found = runCases(target, 7, 2000)
  assert.ok('what' in found)
  // cut off behind it, and all else made zero
  assert.is(found.input.length, 21)
  assert.ok(found.input.subarray(0, 20).every(byte => byte === 0))
  const again = runCases(target, 7, found.cases)
  assert.equal('what' in again && again.input, found.input)
  assert.is('what' in runCases(target, 7, found.cases - 1), false, 'it was the last of these cases')
})

test('a sound document that is refused is seen', () => {
  const target = doing(() => {
    throw Object.assign(new Error('.text: is wrong'), { name: 'ElfError', code: 'ERR_ELF', where: '.text' })
  })
  const found = runCases({ ...target, sounds: fc.constant(zeros) }, 1, 10)
  assert.match('what' in found ? found.what.message : '', /zeros is right and was refused/)
})

test('a refusal without a place is seen', () => {
  const refuse = (where: string, message: string): Target =>
    doing(() => {
      throw Object.assign(new Error(message), { name: 'ElfError', code: 'ERR_ELF', where })
    })
  assert.throws(() => examine(refuse('', ': is wrong'), input), /not refused as it should be/)
  assert.throws(() => examine(refuse('.text', 'is wrong'), input), /not refused as it should be/)
  examine(refuse('.text', '.text: is wrong'), input)
})

test.run()
