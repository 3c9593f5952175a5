// A fixed number of cases of what `npm run fuzz` goes on with for as long as one wants.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runCases } from './cases.ts'
import { examine, isPlaced, type Target } from './contract.ts'
import { targets } from './targets/index.ts'

const cases = 700

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
