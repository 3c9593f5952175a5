import { BpfError } from '../../errors.ts'
import { mostUsdtArguments } from './spec.ts'

/** Whose registers arguments are in. */
export type UsdtMachine = 'x86-64' | 'arm64'

/** Where a probe finds one of its arguments, and how it reads it. */
export type UsdtArgument = UsdtPlace & {
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number
  readonly isSigned: boolean
}

/** Registers are offsets into `struct pt_regs`, in bytes. */
export type UsdtPlace =
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'register'; readonly register: number }
  /** In memory, so many bytes from where a register points to. */
  | { readonly kind: 'memory'; readonly register: number; readonly offset: bigint }
  /** In memory at register + index * 2^shift + offset. */
  | {
      readonly kind: 'indexed'
      readonly register: number
      readonly offset: bigint
      readonly index: number
      readonly shift: number
    }

/** Far longer than any that a compiler writes for twelve arguments. */
const longestText = 4096

/**
 * Reads where the arguments of a probe are, as the assembler of its machine writes that.
 *
 * @param doing for errors
 * @throws BpfError `ERR_UNSUPPORTED` for an argument that usdt.bpf.h cannot read.
 *
 * @example parseUsdtArguments('-4@%edi 8@-24(%rbp)', 'x86-64', doing)
 */
export function parseUsdtArguments(text: string, machine: UsdtMachine, doing: string): UsdtArgument[] {
  if (text.length > longestText) {
    throw unreadable(doing, `its arguments are described by ${text.length} characters`)
  }
  const found: UsdtArgument[] = []
  for (let rest = text.trimStart(); rest !== ''; ) {
    if (found.length === mostUsdtArguments) {
      throw unreadable(doing, `it has more than ${mostUsdtArguments} arguments: '${text}'`)
    }
    const about = `argument ${found.length + 1} of '${text}'`
    const { argument, length } = readArgument(rest, machine, message =>
      unreadable(doing, `${about} ${message}`),
    )
    found.push(argument)
    rest = rest.slice(length)
  }
  return found
}

function readArgument(
  text: string,
  machine: UsdtMachine,
  refuse: (problem: string) => BpfError,
): { readonly argument: UsdtArgument; readonly length: number } {
  const [start, signed = ''] = /^([+-]?\d{1,9})\s*@\s*/.exec(text) ?? []
  if (start === undefined) {
    const isFloat = /^[+-]?\d+f@/.test(text)
    throw refuse(isFloat ? 'is a floating-point number, which BPF cannot read' : 'does not say its size')
  }
  const size = Math.abs(Number(signed))
  if (![1, 2, 4, 8].includes(size)) throw refuse(`has ${size} bytes; 1, 2, 4 and 8 can be read`)
  for (const { pattern, place } of forms[machine]) {
    const match = pattern.exec(text.slice(start.length))
    if (!match) continue
    const register = (name: string | undefined): number => registerOffset(name ?? '', machine, refuse)
    const argument = { ...place(match, register, refuse), size, isSigned: signed.startsWith('-') }
    return { argument, length: start.length + match[0].length }
  }
  throw refuse('is at no place that can be read: a constant, a register, or memory that a register points to')
}

interface Form {
  readonly pattern: RegExp
  place(
    match: RegExpExecArray,
    register: (name: string | undefined) => number,
    refuse: (problem: string) => BpfError,
  ): UsdtPlace
}

/** The forms that libbpf reads, in its order; none is the beginning of another. */
const forms: Readonly<Record<UsdtMachine, readonly Form[]>> = {
  'x86-64': [
    {
      // -96(%rbp,%rax,8)
      pattern: /^(?:([+-]?\d+)\s*)?\(\s*%([^\s,()]+),\s*%([^\s,()]+)(?:,\s*([+-]?\d+)\s*)?\)(?:\s+|$)/,
      place([, offset, base, index, scale = '1'], register, refuse) {
        const shift = [1, 2, 4, 8].indexOf(Number(scale))
        if (shift < 0) throw refuse(`has an index times ${scale}; 1, 2, 4 and 8 are possible`)
        return {
          kind: 'indexed',
          register: register(base),
          offset: integer(offset),
          index: register(index),
          shift,
        }
      },
    },
    {
      // -24(%rbp)
      pattern: /^(?:([+-]?\d+)\s*)?\(\s*%([^\s,()]+)\)(?:\s+|$)/,
      place: ([, offset, base], register) => ({
        kind: 'memory',
        register: register(base),
        offset: integer(offset),
      }),
    },
    {
      pattern: /^%([^\s,()]+)(?:\s+|$)/,
      place: ([, name], register) => ({ kind: 'register', register: register(name) }),
    },
    {
      pattern: /^\$([+-]?\d+)(?:\s+|$)/,
      place: ([, value]) => ({ kind: 'constant', value: integer(value) }),
    },
  ],
  arm64: [
    {
      // [sp, 96]
      pattern: /^\[\s*([a-z\d]+)\s*(?:,\s*([+-]?\d+)\s*)?\](?:\s+|$)/,
      place: ([, base, offset], register) => ({
        kind: 'memory',
        register: register(base),
        offset: integer(offset),
      }),
    },
    { pattern: /^([+-]?\d+)(?:\s+|$)/, place: ([, value]) => ({ kind: 'constant', value: integer(value) }) },
    {
      pattern: /^([a-z\d]+)(?:\s+|$)/,
      place: ([, name], register) => ({ kind: 'register', register: register(name) }),
    },
  ],
}

/** As the 64 bits that it is in memory. */
function integer(text = '0'): bigint {
  return BigInt.asUintN(64, BigInt(text.replace('+', '')))
}

function registerOffset(name: string, machine: UsdtMachine, refuse: (problem: string) => BpfError): number {
  const offset = machine === 'arm64' ? arm64Register(name) : x86Registers().get(name)
  if (offset !== undefined) return offset
  throw refuse(`is in register '${name}', which programs are not given`)
}

/** struct user_pt_regs (arch/arm64/include/uapi/asm/ptrace.h): x0 to x30, then sp. */
function arm64Register(name: string): number | undefined {
  if (name === 'sp') return 31 * 8
  const number = /^x(\d{1,2})$/.exec(name)?.[1]
  return number !== undefined && Number(number) < 31 ? Number(number) * 8 : undefined
}

let byName: Map<string, number> | undefined

/** struct pt_regs (arch/x86/include/uapi/asm/ptrace.h), by the names of all sizes that a register has. */
function x86Registers(): Map<string, number> {
  if (byName) return byName
  const order = [
    ...['r15', 'r14', 'r13', 'r12', 'bp', 'bx', 'r11', 'r10', 'r9', 'r8', 'ax', 'cx', 'dx', 'si', 'di'],
    // orig_ax, cs, flags are no operands
    ...['', 'ip', '', '', 'sp'],
  ]
  byName = new Map(order.flatMap((name, i) => namesOf(name).map(one => [one, i * 8] as const)))
  return byName
}

function namesOf(name: string): string[] {
  if (name === '') return []
  if (name.startsWith('r')) return [name, `${name}d`, `${name}w`, `${name}b`]
  const wide = [`r${name}`, `e${name}`]
  if (name === 'ip') return wide
  return [...wide, name, name.endsWith('x') ? `${name[0]}l` : `${name}l`]
}

function unreadable(doing: string, problem: string): BpfError {
  return new BpfError(`${doing}: ${problem}`, {
    code: 'ERR_UNSUPPORTED',
    hint: 'see the notes of the binary: readelf -n',
  })
}
