import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errnoName, errnoText } from '../../src/syscall/errno.ts'
import { numbersFor } from '../../src/syscall/numbers.ts'
import { needs } from '../requirements.ts'

/** `#define PREFIX_name number` as the preprocessor sees them. */
function macros(header: string, prefix: string, ...flags: string[]): Map<string, string> {
  const all = execFileSync('cc', ['-E', '-dM', ...flags, '-include', header, '-x', 'c', '/dev/null'], {
    encoding: 'utf8',
  })
  return new Map(
    [...all.matchAll(new RegExp(`^#define ${prefix}(\\w+) (.+)$`, 'gm'))].map(match => [
      match[1]!,
      match[2]!,
    ]),
  )
}

needs(
  test,
  'cc',
  '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
)('x64 has the numbers of its header', () => {
  const header = macros('/usr/include/x86_64-linux-gnu/asm/unistd_64.h', '__NR_')
  for (const [name, number] of Object.entries(numbersFor('x64')))
    assert.is(String(number), header.get(name), name)
})

needs(
  test,
  'cc',
  '/usr/include/asm-generic/unistd.h',
)('arm64 has the numbers of the generic header', () => {
  const header = macros('/usr/include/asm-generic/unistd.h', '__NR', '-D__LP64__', '-D__BITS_PER_LONG=64')
  for (const [name, number] of Object.entries(numbersFor('arm64'))) {
    // the calls that differ by word size have a number of their own: #define __NR_mmap __NR3264_mmap
    const found = header.get(`_${name}`) ?? ''
    const own = /^__NR(3264_\w+)$/.exec(found)
    assert.is(String(number), own ? header.get(own[1]!) : found, name)
  }
})

test('another architecture is refused by name', () => {
  assert.throws(() => numbersFor('riscv64'), /not for riscv64/)
})

needs(test, 'cc')('errno has the names of its header', () => {
  const header = macros('errno.h', 'E')
  let checked = 0
  for (const [rest, value] of header) {
    if (!/^\d+$/.test(value)) continue // EWOULDBLOCK is EAGAIN
    assert.is(errnoName(Number(value)), `E${rest}`)
    checked++
  }
  assert.ok(checked > 125)
})

test('the errno that bpf(2) lets out of the kernel has its name', () => {
  assert.is(errnoName(524), 'ENOTSUPP')
  assert.is(errnoText(1), 'operation not permitted')
  assert.is(errnoName(4000), 'E4000')
})

test.run()
