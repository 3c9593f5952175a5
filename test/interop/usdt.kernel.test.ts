// USDT probes beside the libbpf that we are compared with: what it tells programs of places, and what they see then.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { libbpf } from '../../scripts/libbpf.ts'
import { type BpfObject, openObject } from '../../src/index.ts'
import { usdtSites } from '../../src/link/usdt-sites.ts'
import { encodeUsdtSpec } from '../../src/spec/usdt/spec.ts'
import { allocate, mapInfo, mapLookup } from '../../src/syscall/index.ts'
import { fixture } from '../fixtures.ts'
import { needs } from '../requirements.ts'

const isX86 = process.arch === 'x64'
const withLibbpf = isX86 ? needs(test, 'root', 'gcc', 'clang-19', '/usr/include/bpf/libbpf.h') : () => {}

const scratch = mkdtempSync(join(tmpdir(), 'bpfpin-usdt-'))
test.after(() => rmSync(scratch, { recursive: true }))

const cookie = 0x0102_0304_0506_0708n

/**
 * A libbpf, and an object made with the header that belongs to it. That of another does not do: between them the arguments
 * moved in what programs are told (src/spec/usdt/spec.ts), and libbpf does not look which it is.
 */
interface Side {
  readonly name: string
  readonly object: string
  /** Bytes that a program is told of a place. */
  readonly specSize: number
  readonly flags: readonly string[]
  /** Does it know of an index in an address? */
  readonly knowsIndex: boolean
}

function ofTheSystem(): Side {
  const object = fixture('usdt')
  return { name: 'system', object, specSize: 208, flags: ['-lbpf'], knowsIndex: false }
}

function ofTheKernel(): Side {
  const { include, archive } = libbpf()
  const object = join(scratch, 'usdt.bpf.o')
  const source = new URL('../fixtures/usdt.bpf.c', import.meta.url).pathname
  const flags = ['-g', '-O2', '-target', 'bpf', '-mcpu=v3', '-D__TARGET_ARCH_x86', `-I${include}`]
  const headers = ['-I/usr/include/bpf', '-I/usr/include/x86_64-linux-gnu']
  execFileSync('clang-19', [...flags, ...headers, '-c', source, '-o', object])
  const library = [`-I${include}`, archive, '-lelf', '-lz']
  return {
    name: 'kernel',
    object: object,
    specSize: 304,
    flags: library,
    knowsIndex: true,
  }
}

/** The program on libbpf, attached. */
async function onLibbpf(
  side: Side,
  binary: string,
  provider: string,
  names: readonly string[],
): Promise<{ child: ChildProcessWithoutNullStreams; lines: readonly string[] }> {
  const program = join(scratch, `peer-${side.name}`)
  const source = new URL('./usdt.c', import.meta.url).pathname
  execFileSync('gcc', ['-Wall', '-Werror', '-O1', '-o', program, source, ...side.flags])
  const child = spawn(program, [side.object, binary, provider, String(cookie), ...names])
  child.stderr.pipe(process.stderr)
  let output = ''
  while (!output.endsWith('attached\n')) output += (await once(child.stdout, 'data'))[0]
  return { child, lines: output.split('\n').slice(0, -2) }
}

/** Ends it; the last line that it prints. */
async function ended(child: ChildProcessWithoutNullStreams): Promise<string> {
  let output = ''
  child.stdout.on('data', (text: Buffer) => {
    output += String(text)
  })
  child.stdin.end()
  await once(child, 'close')
  return output.trim()
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** What we tell programs of a probe's places, each once, or `refused`. */
function ours(binary: string, probe: string, specSize: number): string[] | 'refused' {
  try {
    return [
      ...new Set(
        usdtSites(binary, probe, 'testing').map(site =>
          hex(encodeUsdtSpec(site.arguments, cookie, specSize)),
        ),
      ),
    ]
  } catch {
    return 'refused'
  }
}

const registers = [
  'rax',
  'ebx',
  'cx',
  'dl',
  'sil',
  'edi',
  'bpl',
  'rsp',
  'r8',
  'r9d',
  'r10w',
  'r15b',
  'rip',
  'eip',
]

/** As compilers write them, and as none does. */
const descriptions = [
  ...registers.map(name => `8@%${name} -4@%${name}`),
  ...['-4@$-9', '8@$9223372036854775807', '-8@$-9223372036854775808', '1@$255 2@$0 4@$+5'],
  ...['-4@-1204(%rbp)', '8@(%rsp)', '-8@+8(%rdi)', '2@4 ( %rsi )', ' -1@%al   8@ %rdx '],
  ...['1@-96(%rbp,%rax,8)', '1@(%rbp,%rax,4)', '2@-96(%rbp,%rax)', '4@(%r12,%r13)', '8@0(%rax,%rbx,1)'],
  ...['', ':', ':x', Array(12).fill('4@%eax').join(' ')],
  // refused
  ...[
    '8f@%xmm0',
    '4@%xmm0',
    '3@%eax',
    '16@%rax',
    '0@%rax',
    '4@counter(%rip)',
    '4@(%rax,%rdx,3)',
    '4@(,%rdx,8)',
  ],
  ...['4@x0', '%eax', '4%eax', '4@', '@%eax', '4@%', '4@%eaxx', '4@$', '4@$x', '4@[sp]'],
  ...['4@%eax 4@oops', Array(13).fill('4@%eax').join(' ')],
]

/** Labels of the assembler are numbers, none of them another's beginning. */
const probeName = (_: string, i: number): string => `p${i + 100}`

/** A library with a probe for each. */
function libraryOf(descriptions: readonly string[]): string {
  const note = (description: string, i: number): string => `
    ${i}0: nop
    .pushsection .note.stapsdt, "", "note"
    .balign 4
    .4byte 8, ${i}4f - ${i}3f, 3
    .asciz "stapsdt"
    ${i}3: .8byte ${i}0b, 0, 0
    .asciz "any", "p${i}", "${description}"
    ${i}4: .balign 4
    .popsection`
  const source = descriptions.map((text, i) => note(text, i + 100)).join('\n')
  const path = join(scratch, 'any.so')
  execFileSync('gcc', ['-shared', '-nostdlib', '-o', path, '-x', 'assembler', '-'], { input: `${source}\n` })
  return path
}

/** With an index in an address. */
const isIndexed = (description: string): boolean => /\(.*,/.test(description)

for (const sideOf of [ofTheSystem, ofTheKernel]) {
  const whose = sideOf === ofTheSystem ? "the system's" : "the kernel's"

  withLibbpf(
    `what ${whose} libbpf reads is told to programs as it tells them, and no more is read`,
    async () => {
      const side = sideOf()
      const wanted = descriptions.filter(one => side.knowsIndex || !isIndexed(one))
      const path = libraryOf(wanted)
      const { child, lines } = await onLibbpf(side, path, 'any', wanted.map(probeName))
      await ended(child)
      const parts = lines.join('\n').split(/^(?=p)/m)
      const theirs = parts.map(part => {
        const [name = '', ...specs] = part.trim().split('\n')
        return name.endsWith(' refused') ? 'refused' : specs.map(spec => spec.trim())
      })
      assert.is(theirs.length, wanted.length)
      for (const [i, description] of wanted.entries()) {
        assert.equal(
          ours(path, `any:${probeName(description, i)}`, side.specSize),
          theirs[i],
          `'${description}'`,
        )
      }
      assert.ok(theirs.filter(spec => spec === 'refused').length >= 17)
      assert.ok(theirs.filter(spec => spec !== 'refused').length >= 25)
    },
  )

  withLibbpf(`a program sees by us what it sees by ${whose} libbpf`, async () => {
    const side = sideOf()
    const binary = join(scratch, 'usdt-target.elf')
    copyFileSync(new URL('../fixtures/usdt-target.elf', import.meta.url).pathname, binary)
    chmodSync(binary, 0o755)
    const names = ['plain', 'counted', 'widths', ...(side.knowsIndex ? ['indexed'] : [])]
    const target = spawn(binary)
    try {
      const { child } = await onLibbpf(side, binary, 'bpfpin', names)
      target.stdin.write('x')
      await once(target.stdout, 'data')
      const theirs = await ended(child)

      const spec = openObject(side.object)
      for (const one of spec.programs) one.autoload = one.name === 'on_probe'
      const program = spec.programs.get('on_probe')
      program.targets = Object.fromEntries(names.map(name => [name, { usdt: `bpfpin:${name}`, binary }]))
      program.link.cookie = cookie
      using live = spec.load()
      live.attach()
      target.stdin.write('x')
      await once(target.stdout, 'data')
      // the probe with a semaphore is at three places
      assert.is(live.variables.get('hits').get(), names.length + 2)
      assert.is(sectionOf(live), theirs)
    } finally {
      target.kill()
    }
  })
}

/** All variables that start with zero, as bytes. */
function sectionOf(object: BpfObject): string {
  const { fd } = object.maps.get('.bss')
  const info = mapInfo(fd)
  assert.ok(typeof info !== 'number')
  const value = allocate(info.valueSize)
  assert.is(mapLookup(fd, allocate(4), value), 0)
  return hex(value.bytes)
}

test.run()
