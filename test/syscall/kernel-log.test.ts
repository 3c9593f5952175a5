import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogTry, withLog } from '../../src/syscall/kernel-log.ts'

const EINVAL = -22
const ENOSPC = -28

/** Sizes of the buffers that are tried with a kernel that answers so. */
function sizesTried(answer: (size: number) => LogTry): { readonly sizes: number[]; readonly result: number } {
  const sizes: number[] = []
  const { result } = withLog(({ bytes }) => {
    sizes.push(bytes.length)
    bytes[0] = 'x'.charCodeAt(0)
    return answer(bytes.length)
  }, 1)
  return { sizes, result }
}

test('a kernel that says how long its log is gets as much room at once', () => {
  const long = 300_000
  const answer = (size: number): LogTry => ({ result: size < long ? ENOSPC : 7, wanted: long })
  assert.equal(sizesTried(answer), { sizes: [65_536, long], result: 7 })
})

test('one that does not say gets four times as much each time', () => {
  const answer = (size: number): LogTry => ({ result: size < 1_000_000 ? ENOSPC : 7, wanted: 0 })
  assert.equal(sizesTried(answer), { sizes: [65_536, 262_144, 1_048_576], result: 7 })
})

test('one that takes no more than 16 MB keeps the error that it had with those', () => {
  // before Linux 5.11 (kernel/bpf/verifier.c: bpf_check)
  const largest = 16 * 1024 * 1024 - 1
  const { sizes, result } = sizesTried(size => ({ result: size > largest ? EINVAL : ENOSPC, wanted: 0 }))
  assert.is(result, ENOSPC)
  assert.equal(sizes.slice(-2), [largest, 4 * largest])
})

test('what else the kernel says is the end', () => {
  assert.equal(
    sizesTried(() => ({ result: EINVAL, wanted: 0 })),
    { sizes: [65_536], result: EINVAL },
  )
})

test.run()
