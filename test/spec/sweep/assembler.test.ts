import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseElf } from '../../../src/elf/index.ts'
import { Assembler, r0, r1, r2, r3, r4, r6, r9, r10 } from '../../../src/spec/sweep/assembler.ts'
import { needs } from '../../requirements.ts'

/** Each instruction as ours and as LLVM's assembler writes it. */
const pairs: [text: string, emit: (code: Assembler) => void][] = [
  ['r1 = 7', code => code.alu('mov', r1, 7)],
  ['r1 = -1', code => code.alu('mov', r1, -1)],
  ['r6 = r1', code => code.alu('mov', r6, r1)],
  ['r2 += r3', code => code.alu('add', r2, r3)],
  ['r2 += -40', code => code.alu('add', r2, -40)],
  ['r2 -= r3', code => code.alu('sub', r2, r3)],
  ['r1 *= 12', code => code.alu('mul', r1, 12)],
  ['r1 |= r2', code => code.alu('or', r1, r2)],
  ['r1 &= 255', code => code.alu('and', r1, 255)],
  ['r1 ^= r0', code => code.alu('xor', r1, r0)],
  ['r1 <<= 59', code => code.alu('lsh', r1, 59)],
  ['r1 >>= 59', code => code.alu('rsh', r1, 59)],
  ['r1 s>>= 63', code => code.alu('arsh', r1, 63)],
  ['r1 = *(u8 *)(r6 + 3)', code => code.load(1, r1, r6, 3)],
  ['r1 = *(u16 *)(r6 + 2)', code => code.load(2, r1, r6, 2)],
  ['r1 = *(u32 *)(r6 + 32764)', code => code.load(4, r1, r6, 32764)],
  ['r1 = *(u64 *)(r10 - 8)', code => code.load(8, r1, r10, -8)],
  ['*(u8 *)(r9 + 1) = r2', code => code.store(1, r9, 1, r2)],
  ['*(u16 *)(r9 + 2) = r2', code => code.store(2, r9, 2, r2)],
  ['*(u32 *)(r10 - 16) = r1', code => code.store(4, r10, -16, r1)],
  ['*(u64 *)(r10 - 8) = r2', code => code.store(8, r10, -8, r2)],
  ['lock *(u64 *)(r9 + 8) += r1', code => code.atomic('add', 8, r9, 8, r1)],
  ['lock *(u32 *)(r9 + 4) += r1', code => code.atomic('add', 4, r9, 4, r1)],
  ['lock *(u64 *)(r9 + 8) |= r1', code => code.atomic('or', 8, r9, 8, r1)],
  ['lock *(u64 *)(r9 + 8) &= r1', code => code.atomic('and', 8, r9, 8, r1)],
  ['lock *(u64 *)(r9 + 8) ^= r1', code => code.atomic('xor', 8, r9, 8, r1)],
  ['r1 = xchg_64(r9 + 8, r1)', code => code.atomic('exchange', 8, r9, 8, r1)],
  ['r0 = cmpxchg_64(r9 + 8, r0, r1)', code => code.atomic('compareExchange', 8, r9, 8, r1)],
  ['w0 = cmpxchg32_32(r9 + 4, w0, w1)', code => code.atomic('compareExchange', 4, r9, 4, r1)],
  ['r2 = 0x123456789abcdef0 ll', code => code.immediate(r2, 0x123456789abcdef0n)],
  ['r2 = -2 ll', code => code.immediate(r2, -2n)],
  ['call 181', code => code.helper(181)],
  ['exit', code => code.exit()],
]

const conditions = ['==', '!=', '>', '>=', '<', '<=', '&'] as const

/** What LLVM makes of a text. */
function assembled(text: string): Uint8Array {
  const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-assembler-'))
  try {
    writeFileSync(join(scratch, 'code.s'), `.text\n${text}\n`)
    execFileSync('clang-19', ['-target', 'bpfel', '-mcpu=v3', '-c', 'code.s', '-o', 'code.o'], {
      cwd: scratch,
    })
    const elf = parseElf(readFileSync(join(scratch, 'code.o')))
    return elf.sections.find(({ name }) => name === '.text')!.data
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const hex = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('hex').match(/.{16}/g) ?? []

needs(test, 'clang-19')('every instruction is encoded as LLVM encodes it', () => {
  const code = new Assembler()
  for (const [, emit] of pairs) emit(code)
  assert.equal(hex(code.finish()), hex(assembled(pairs.map(([text]) => text).join('\n'))))
})

needs(test, 'clang-19')('jumps and calls go to their labels, forwards and backwards', () => {
  const code = new Assembler()
  const [start, end, fn] = [code.label(), code.label(), code.label()]
  const text = ['start:']
  code.place(start)
  for (const condition of conditions) {
    code.jumpIf(r1, condition, r2, end)
    code.jumpIf(r1, condition, -5, start)
    text.push(`if r1 ${condition} r2 goto end`, `if r1 ${condition} -5 goto start`)
  }
  code.immediate(r4, 1n)
  code.callFunction(fn)
  code.jump(start)
  code.place(end)
  code.exit()
  code.place(fn)
  code.exit()
  text.push('r4 = 1 ll', 'call fn', 'goto start', 'end:', 'exit', 'fn:', 'exit')
  // a call to a label of the same section stays for the linker: its distance is ours to compute
  const ours = hex(code.finish())
  const theirs = hex(assembled(text.join('\n')))
  const at = ours.findIndex(slot => slot.startsWith('8510'))
  assert.is(ours[at], `85100000${'02000000'}`)
  assert.equal(
    [...ours.slice(0, at), ...ours.slice(at + 1)],
    [...theirs.slice(0, at), ...theirs.slice(at + 1)],
  )
})

test('the loads of maps, their values and functions are marked as the kernel wants them', () => {
  const code = new Assembler()
  const fn = code.label()
  code.map(r1, 5)
  code.mapValue(r2, 6, 0x40)
  code.functionAddress(r3, fn)
  code.exit()
  code.place(fn)
  code.exit()
  // include/uapi/linux/bpf.h: BPF_PSEUDO_MAP_FD 1, BPF_PSEUDO_MAP_VALUE 2, BPF_PSEUDO_FUNC 4; the distance is from slot 5
  assert.equal(hex(code.finish()), [
    ...['1811000005000000', '0000000000000000'],
    ...['1822000006000000', '0000000040000000'],
    ...['1843000002000000', '0000000000000000'],
    ...['9500000000000000', '9500000000000000'],
  ])
})

test('what does not fit an instruction, or goes nowhere, is refused', () => {
  const code = new Assembler()
  assert.throws(
    () => code.load(8, r1, r2, 0x8000),
    (e: { code?: string }) => e.code === 'ERR_VALUE',
  )
  const nowhere = new Assembler()
  nowhere.jump(nowhere.label())
  assert.throws(() => nowhere.finish(), /has no place/)
  const far = new Assembler()
  const end = far.label()
  far.jump(end)
  for (let i = 0; i < 0x8000; i++) far.exit()
  far.place(end)
  assert.throws(() => far.finish(), /a jump of 32768/)
})

test.run()
