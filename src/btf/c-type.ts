import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import { Budget } from './c-budget.ts'
import { CLayouts, type CPadding } from './c-layout.ts'
import { attributeString, CNames, cName } from './c-names.ts'
import type {
  BtfComposite,
  BtfDeclTag,
  BtfEnum,
  BtfFuncProto,
  BtfInt,
  BtfModifier,
  BtfTypeTag,
  TypeId,
} from './types.ts'

/** Types in types without a name, and pointers to pointers: more than C code has, fewer than the stack takes. */
const depthLimit = 64

/** Integers as compilers write them in BTF, and their bytes in BPF programs. */
const builtin: readonly (readonly [pattern: RegExp, size: number])[] = [
  [/^(char|signed char|unsigned char|_Bool)$/, 1],
  [/^(short|short int|short unsigned int|unsigned short)$/, 2],
  [/^(int|unsigned int)$/, 4],
  [/^(long|long int|long unsigned int|unsigned long)$/, 8],
  [/^(long long|long long int|long long unsigned int|unsigned long long)$/, 8],
  [/^(__int128|__int128 unsigned|unsigned __int128)$/, 16],
]

/** Writes types of a blob as C, each by itself. */
export class CTypes {
  readonly names: CNames
  readonly #btf: Btf
  readonly #layouts: CLayouts
  readonly #budget: Budget
  readonly #tags = new Map<TypeId, BtfDeclTag[]>()

  constructor(btf: Btf) {
    this.#btf = btf
    this.names = new CNames(btf)
    this.#layouts = new CLayouts(btf)
    this.#budget = new Budget(btf)
    for (const id of btf.ids('decl_tag')) {
      const tag = btf.type(id) as BtfDeclTag // by its kind
      const known = this.#tags.get(tag.type)
      if (known) known.push(tag)
      else this.#tags.set(tag.type, [tag])
    }
  }

  /** The definition of a struct, union, enum or typedef that has a name, or of an enum without one. */
  define(id: TypeId): string {
    const type = this.#btf.type(id)
    switch (type.kind) {
      case 'struct':
      case 'union':
        return `${this.#composite(type, this.names.of(id), 0)};\n`
      case 'enum':
      case 'enum64':
        return `${this.#enum(type, type.name === '' ? '' : this.names.of(id), 0)};\n`
      case 'typedef':
        return `typedef ${this.#declare(type.type, this.names.of(id), 0)}${this.#declTags(id, -1)};\n`
      default:
        throw new BtfError(this.#btf.records.place(id), `a ${type.kind} is not defined in C`)
    }
  }

  /** Says that there is a struct or union of that name. */
  forward(id: TypeId): string {
    const type = this.#btf.type(id)
    return `${type.kind === 'fwd' ? type.of : type.kind} ${this.names.of(id)};\n`
  }

  /** C declarations are written inside out: `inner` is what stands around the name so far. */
  #declare(id: TypeId, inner: string, depth: number): string {
    this.#budget.spend(id)
    if (depth > depthLimit) throw tooDeep(this.#btf, id)
    const type = this.#btf.type(id)
    switch (type.kind) {
      case 'void':
        return join('void', inner)
      case 'int':
        return join(intName(type), inner)
      case 'struct':
      case 'union':
        return join(
          type.name === '' ? this.#composite(type, '', depth + 1) : `${type.kind} ${this.names.of(id)}`,
          inner,
        )
      case 'enum':
      case 'enum64':
        return join(this.#enumRef(type, depth), inner)
      case 'fwd':
        return join(`${type.of} ${this.names.of(id)}`, inner)
      case 'typedef':
        return join(this.names.of(id), inner)
      case 'ptr': {
        const kind = this.#btf.kindOf(type.type)
        const star = kind === 'array' || kind === 'func_proto' ? `(*${inner})` : `*${inner}`
        return this.#declare(type.type, star, depth + 1)
      }
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        return this.#qualify(type, inner, depth)
      case 'array':
        return this.#declare(type.elementType, `${inner}[${type.length}]`, depth + 1)
      case 'func_proto':
        return this.#declare(type.returnType, `${inner}(${this.#params(type, depth)})`, depth + 1)
      case 'float':
        return join(floats[type.size] ?? cName(type.name), inner)
      default:
        throw new BtfError(this.#btf.records.place(id), `a ${type.kind} is no type in C`)
    }
  }

  /** A qualifier stands in front of a base type, and behind the star of a pointer. */
  #qualify(type: BtfModifier | BtfTypeTag, inner: string, depth: number): string {
    const word = type.kind === 'type_tag' ? typeTag(type) : type.kind
    let at = type.type
    for (let kind = this.#btf.kindOf(at); isQualifier(kind); kind = this.#btf.kindOf(at)) {
      if (++depth > depthLimit) throw tooDeep(this.#btf, at)
      const next = this.#btf.type(at)
      if (!('type' in next)) break
      at = next.type
    }
    const isPointer = this.#btf.kindOf(at) === 'ptr'
    if (!isPointer && this.#isQualified(at, type.kind)) return this.#declare(type.type, inner, depth + 1)
    // only pointers are restricted
    if (type.kind === 'restrict' && !isPointer) return this.#declare(type.type, inner, depth + 1)
    return isPointer
      ? this.#declare(type.type, join(word, inner), depth + 1)
      : `${word} ${this.#declare(type.type, inner, depth + 1)}`
  }

  /** Are the elements of an array so qualified by themselves? The array would be no more so. */
  #isQualified(id: TypeId, kind: string): boolean {
    let isInArray = false
    for (let at = id, depth = 0; depth <= depthLimit; depth++) {
      const type = this.#btf.type(at)
      if (type.kind === 'array') isInArray = true
      else if (!isQualifier(type.kind)) return false
      else if (type.kind === kind) return isInArray
      at = type.kind === 'array' ? type.elementType : 'type' in type ? type.type : 0
    }
    return false
  }

  #params({ params }: BtfFuncProto, depth: number): string {
    if (params.length === 0) return 'void'
    // without a named parameter in front of it, `...` is not written
    if (params.length === 1 && params[0]?.type === 0) return ''
    return params.map(({ type }) => (type === 0 ? '...' : this.#declare(type, '', depth + 1))).join(', ')
  }

  #composite(type: BtfComposite, tag: string, depth: number): string {
    if (depth > depthLimit) throw tooDeep(this.#btf, type.id)
    const head = tag === '' ? type.kind : `${type.kind} ${tag}`
    const layout = this.#layouts.of(type)
    if (!layout) {
      const bytes = type.size === 0 ? '' : `\tunsigned char __bytes[${type.size}];\n`
      return `${head} {\n\t/* C cannot place its members */\n${bytes}}`
    }
    const lines = layout.items.flatMap(item => {
      if (item.kind === 'member') return [this.#member(type, item, depth)]
      this.#budget.spend(type.id, item.bytes > 0 ? 1 : Math.ceil(item.bits / 64))
      return paddingLines(item, type.kind)
    })
    const attributes = [
      ...(layout.isPacked ? [' __attribute__((packed))'] : []),
      ...(layout.aligned ? [` __attribute__((aligned(${layout.aligned})))`] : []),
      this.#declTags(type.id, -1),
    ]
    const body = lines.map(line => `\t${line.replaceAll('\n', '\n\t')}\n`).join('')
    return `${head} {\n${body}}${attributes.join('')}`
  }

  #member(
    type: BtfComposite,
    { member, index }: { readonly member: BtfComposite['members'][number]; readonly index: number },
    depth: number,
  ): string {
    const declared = this.#declare(member.type, member.name === '' ? '' : cName(member.name), depth + 1)
    const width = member.bitSize === 0 ? '' : `${member.name === '' ? ' ' : ''}: ${member.bitSize}`
    return `${declared}${width}${this.#declTags(type.id, index)};`
  }

  /** One without enumerators is not complete in C: it is its integer. */
  #enumRef(type: BtfEnum, depth: number): string {
    if (type.values.length === 0) return integerOf(type.size, type.signed)
    return type.name === '' ? this.#enum(type, '', depth) : `enum ${this.names.of(type.id)}`
  }

  #enum(type: BtfEnum, tag: string, depth: number): string {
    if (depth > depthLimit) throw tooDeep(this.#btf, type.id)
    const head = tag === '' ? 'enum' : `enum ${tag}`
    if (type.values.length === 0) return head
    const lines = type.values.map(
      ({ name, value }) => `\t${this.names.enumerator(name)} = ${constant(value)},\n`,
    )
    return `${head} {\n${lines.join('')}}${modeOf(type)}${this.#declTags(type.id, -1)}`
  }

  #declTags(id: TypeId, component: number): string {
    const tags = this.#tags.get(id)?.filter(tag => tag.component === component) ?? []
    return tags.map(({ name, attribute }) => ` ${attributeText('btf_decl_tag', name, attribute)}`).join('')
  }
}

/** `struct flow *`, `int (*)[4]`, but `__u64[4]`. */
function join(base: string, inner: string): string {
  return inner === '' || inner.startsWith('[') ? base + inner : `${base} ${inner}`
}

function isQualifier(kind: string): boolean {
  return kind === 'const' || kind === 'volatile' || kind === 'restrict' || kind === 'type_tag'
}

function intName(type: BtfInt): string {
  if (builtin.some(([pattern, size]) => size === type.size && pattern.test(type.name))) return type.name
  // those of other languages are called `u8` or `usize`
  return type.bool && type.size === 1 ? '_Bool' : integerOf(type.size, type.signed)
}

function integerOf(size: number, signed: boolean): string {
  const names: Readonly<Record<number, string>> = {
    1: 'char',
    2: 'short',
    4: 'int',
    8: 'long long',
    16: '__int128',
  }
  // C has no integers of other sizes; so many bytes are not looked at as a number
  return `${signed ? 'signed' : 'unsigned'} ${names[size] ?? 'int'}`
}

/** By size, as `long double` has another one in BPF; what BPF has no floats of is as large and aligned alike. */
const floats: Readonly<Record<number, string>> = {
  ...{ 2: 'unsigned short', 4: 'float', 8: 'double', 16: 'unsigned __int128' },
}

function typeTag({ name, attribute }: BtfTypeTag): string {
  return attributeText('btf_type_tag', name, attribute)
}

/** A tag is any text, an attribute is C by itself. */
function attributeText(kind: string, name: string, isAttribute: boolean): string {
  if (!isAttribute) {
    const text = attributeString(name)
    return text === undefined ? '' : `__attribute__((${kind}(${text})))`
  }
  // nothing else that a blob says is C by itself
  return /^\w+(\([\w, ]*\))?$/.test(name) ? `__attribute__((${name}))` : ''
}

/** What a compiler would not choose for enumerators that small. */
function modeOf({ size, values }: BtfEnum): string {
  const modes: Readonly<Record<number, string>> = { 1: 'QI', 2: 'HI' }
  const isWide = values.some(({ value }) => value > 0xffff_ffff || value < -0x8000_0000)
  const mode = size === 8 && !isWide ? 'DI' : modes[size]
  return mode === undefined ? '' : ` __attribute__((mode(${mode})))`
}

/** A constant that C takes for what it is: plain ones are an int, and there is none for the least long long. */
function constant(value: number | bigint): string {
  const number = BigInt(value)
  if (number === -(1n << 63n)) return `(-${(1n << 63n) - 1n}LL - 1)`
  if (number > 0x7fff_ffff_ffff_ffffn) return `${number}ULL`
  if (number > 0xffff_ffffn || number < -0x8000_0000n) return `${number}LL`
  if (number === -0x8000_0000n) return '(-2147483647 - 1)'
  return number > 0x7fff_ffffn ? `${number}U` : String(number)
}

const units = [
  [64, 'long'],
  [32, 'int'],
  [16, 'short'],
  [8, 'char'],
] as const

/** Bitfields without a name, each within an integer of its type. */
function paddingLines({ at, bits, bytes }: CPadding, kind: 'struct' | 'union'): string[] {
  if (kind === 'union') return [`unsigned char __padding[${bytes}];`]
  const lines: string[] = []
  let from = at
  const end = at + bits
  while (from < end) {
    if (bytes > 0 && from % 8 === 0 && end - from >= 8) {
      const whole = Math.floor((end - from) / 8)
      lines.push(`unsigned char __padding_${from / 8}[${whole}];`)
      from += 8 * whole
      continue
    }
    const [width, name] = units.find(([width]) => from % width === 0 && from + width <= end) ?? [
      Math.min(8 - (from % 8), end - from),
      'char',
    ]
    lines.push(`${name} : ${width};`)
    from += width
  }
  return lines
}

function tooDeep(btf: Btf, id: TypeId): BtfError {
  return new BtfError(btf.records.place(id), `is nested more than ${depthLimit} deep`)
}
