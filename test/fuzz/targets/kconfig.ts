import fc from 'fast-check'
import type { KconfigExtern } from '../../../src/spec/externs/declarations.ts'
import { KconfigValues } from '../../../src/spec/externs/kconfig.ts'
import { parseSpec } from '../../../src/spec/parse.ts'
import { isPlacedOr, type Target } from '../contract.ts'
import { objectSound, textSound } from '../sounds.ts'

/** Values that the fixture's variables take. */
const right = [
  ...['BPF_SYSCALL=y', 'BPF_SYSCALL=n', 'BPF_JIT=m', 'VETH=n', 'BPF=y', 'HZ=250', 'HZ=0xfa', 'NR_CPUS=8192'],
  ...['ILLEGAL_POINTER_VALUE=0xdead000000000000', 'DEFAULT_HOSTNAME="(none)"', 'CC_VERSION_TEXT="gcc 12"'],
  ...['NR_CPUS=-1', 'SOMETHING_ELSE="with = in it"', 'HZ=0'],
].map(text => `CONFIG_${text}`)
const others = ['# CONFIG_DEBUG is not set', '', '#', 'whatever this is']

const names = ['BPF_SYSCALL', 'BPF_JIT', 'BPF', 'HZ', 'NR_CPUS', 'ILLEGAL_POINTER_VALUE', 'DEFAULT_HOSTNAME']
const tokens = [
  ...['y', 'n', 'm', '"', '\\', '=', '-', '+', '0x', '0', '9', '18446744073709551616', '9'.repeat(99), ' '],
  ...['\0', '\r', '\x1b[2J', 'CONFIG_', '__proto__', 'constructor', '0'.repeat(70), '077', 'e5', 'é', 'n"'],
]
const value = fc.array(fc.constantFrom(...tokens), { maxLength: 5 }).map(parts => parts.join(''))
const hostileLine = fc
  .tuple(fc.constantFrom(...names, '__proto__', ''), value)
  .map(([name, text]) => `CONFIG_${name}=${text}`)

/** A configuration of a kernel as text, for an object that wants values of all kinds. */
export const kconfigTarget: Target = {
  name: 'kconfig',
  sounds: fc
    .array(fc.constantFrom(...right, ...others), { maxLength: 12 })
    .map(lines => textSound('a configuration', lines.join('\n'))),
  hostile: fc
    .array(fc.oneof(hostileLine, value), { maxLength: 6 })
    .map(lines => new Uint8Array(Buffer.from(lines.join('\n'), 'latin1'))),
  isRefusal: isPlacedOr('ERR_EXTERN'),
  hasTwin: false,
  ask(bytes, questions) {
    const { wanted, size } = configuration()
    const config = new KconfigValues(wanted, size, questions.turn % 2 === 0)
    // as it is read from files: one byte a character
    config.read(Buffer.from(bytes).toString('latin1'), 'a text')
    questions.note(config.missing.length, ...config.bytes)
  },
}

let known: { readonly wanted: readonly KconfigExtern[]; readonly size: number } | undefined

function configuration(): { readonly wanted: readonly KconfigExtern[]; readonly size: number } {
  if (known) return known
  const spec = parseSpec(objectSound('externs-config').bytes, 'externs-config')
  const wanted = spec.externs.filter(extern => extern.kind === 'kconfig')
  const size = spec.maps.find(({ name }) => name === '.kconfig')?.section?.size ?? 0
  known = { wanted, size }
  return known
}
