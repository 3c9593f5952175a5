import { BtfError } from '../errors.ts'
import { resolve, sizeIfAny, sizeOf } from './measure.ts'
import type { Records } from './records.ts'
import { type BtfKind, kinds, oneOf, type TypeId } from './types.ts'

// kind numbers, for the inner loops
const INT = 1
const FUNC = 12
const VAR = 14

/**
 * Checks one type against the rules of its kind, as kernel/bpf/btf.c does where a compiler's output allows it: the
 * compiler leaves DATASEC unfilled and declares externs, which the kernel does not take. What it refers to must exist
 * and be of the right kind; whether types form a cycle is {@link checkCycles}'s to say.
 *
 * @throws BtfError with the place and the rule.
 */
export function checkType(records: Records, id: TypeId): void {
  if (id === 0) return
  const info = records.word(id, 1)
  const shape = shapes[(info >>> 24) & 0x1f]!
  if ((info & reservedBits) !== 0) {
    fail(records, id, `sets reserved bits of its info word, 0x${hexInfo(records, id)}`)
  }
  if (!shape.flag && (info & kindFlag) !== 0) {
    fail(records, id, `has the kind flag, which ${oneOf(records.kind(id))} does not have`)
  }
  if (!shape.list && (info & 0xffff) !== 0) {
    fail(records, id, `counts ${records.vlen(id)} entries, but ${oneOf(records.kind(id))} has none`)
  }
  checkName(records, id, records.word(id, 0), '')
  if (shape.named && !records.isNamed(id)) {
    fail(records, id, `has no name, which ${oneOf(records.kind(id))} needs`)
  }
  shape.check?.(records, id)
}

/** Bits of the info word (include/uapi/linux/btf.h, struct btf_type): this one, and those that no version of the format uses. */
const kindFlag = 0x8000_0000
const reservedBits = 0x60ff0000

interface Shape {
  /** May have the kind flag. */
  readonly flag?: boolean
  /** Has entries, counted in its head. */
  readonly list?: boolean
  /** Must have a name. */
  readonly named?: boolean
  readonly check?: (records: Records, id: TypeId) => void
}

const shapeOf: Readonly<Record<BtfKind, Shape>> = {
  void: {},
  int: { check: checkInt },
  ptr: { check: checkTarget },
  array: { check: checkArray },
  struct: { flag: true, list: true, check: checkMembers },
  union: { flag: true, list: true, check: checkMembers },
  enum: { flag: true, list: true, check: checkEnumerators },
  fwd: { flag: true, named: true },
  typedef: { named: true, check: checkTarget },
  volatile: { check: checkTarget },
  const: { check: checkTarget },
  restrict: { check: checkTarget },
  // vlen is the linkage
  func: { list: true, named: true, check: checkFunc },
  func_proto: { list: true, check: checkParams },
  var: { named: true, check: checkVar },
  datasec: { list: true, named: true, check: checkVariables },
  float: { check: checkFloat },
  decl_tag: { flag: true, named: true, check: checkDeclTag },
  type_tag: { flag: true, named: true, check: checkTarget },
  enum64: { flag: true, list: true, check: checkEnumerators },
}

/** By the number of the kind. */
const shapes: readonly Shape[] = kinds.map(kind => shapeOf[kind])

function fail(records: Records, id: TypeId, problem: string, part = ''): never {
  throw new BtfError(records.place(id) + part, problem)
}

function hexInfo(records: Records, id: TypeId): string {
  return records.word(id, 1).toString(16).padStart(8, '0')
}

function checkInt(records: Records, id: TypeId): void {
  const size = records.sizeOrType(id)
  const word = records.word(id, 3)
  const encoding = (word >>> 24) & 0xf
  const bitOffset = (word >>> 16) & 0xff
  const bits = word & 0xff
  if ((word & 0xf000ff00) !== 0) {
    fail(records, id, `sets reserved bits of its int word, 0x${word.toString(16)}`)
  }
  if (encoding > 7) fail(records, id, `has encoding ${encoding}; known are 1 (signed), 2 (char) and 4 (bool)`)
  if (size === 0 || size > 16) fail(records, id, `is ${size} bytes; an int has 1 to 16`)
  if (bits === 0 || bits > 128) fail(records, id, `is ${bits} bits wide; an int has 1 to 128`)
  if (bitOffset + bits > 8 * size) {
    fail(records, id, `has bits ${bitOffset} to ${bitOffset + bits} in ${size} bytes`)
  }
}

function checkFloat(records: Records, id: TypeId): void {
  const size = records.sizeOrType(id)
  if (![2, 4, 8, 12, 16].includes(size)) fail(records, id, `is ${size} bytes; a float has 2, 4, 8, 12 or 16`)
}

/** Whether a value can have the type: declarations and functions can only be referred to by their own kinds. */
const ofValue: readonly boolean[] = kinds.map(kind => !['func', 'var', 'datasec', 'decl_tag'].includes(kind))

function isOfValue(records: Records, target: TypeId): boolean {
  return records.has(target) && ofValue[records.kindNumber(target)]!
}

function checkExists(records: Records, id: TypeId, target: TypeId, part = ''): void {
  if (records.has(target)) return
  fail(records, id, `refers to type ${target}, but the ids end at ${records.count}`, part)
}

function checkReference(records: Records, id: TypeId, target: TypeId, part = ''): void {
  checkExists(records, id, target, part)
  const kind = records.kindNumber(target)
  if (!ofValue[kind]) {
    fail(
      records,
      id,
      `refers to type ${target}, ${oneOf(records.kind(target))}, which is not the type of a value`,
      part,
    )
  }
}

/** As {@link checkReference}, for what lies in memory: void does not. */
function checkHeld(records: Records, id: TypeId, target: TypeId, part = ''): void {
  if (target === 0) fail(records, id, 'is of type void', part)
  checkReference(records, id, target, part)
}

function checkName(records: Records, id: TypeId, offset: number, part: string): void {
  if (records.hasText(offset)) return
  fail(records, id, `has its name at ${offset}, outside the ${records.stringsLength} bytes of strings`, part)
}

function checkTarget(records: Records, id: TypeId): void {
  checkReference(records, id, records.sizeOrType(id))
}

function checkArray(records: Records, id: TypeId): void {
  checkHeld(records, id, records.word(id, 3), '/element')
  const index = records.word(id, 4)
  checkHeld(records, id, index, '/index')
  if (records.kindNumber(index) !== INT) {
    fail(records, id, `is ${oneOf(records.kind(index))}, not an int`, '/index')
  }
  sizeOf(records, id)
}

function checkMembers(records: Records, id: TypeId): void {
  for (let i = 0; i < records.vlen(id); i++) checkMember(records, id, i)
}

function checkMember(records: Records, id: TypeId, i: number): void {
  const part = (): string => `/member[${i}]`
  const name = records.word(id, 3 + 3 * i)
  const target = records.word(id, 4 + 3 * i)
  const word = records.word(id, 5 + 3 * i)
  if (!records.hasText(name)) checkName(records, id, name, part())
  if (target === 0 || !isOfValue(records, target)) checkHeld(records, id, target, part())
  const flag = records.kindFlag(id)
  const bitOffset = flag ? word & 0xffffff : word
  const bitSize = flag ? word >>> 24 : 0
  const size = sizeIfAny(records, target) ?? sizeOf(records, target, records.place(id) + part())
  if (bitSize > 0 && !ofBits[records.kindNumber(resolve(records, target))]) {
    fail(records, id, `is a bitfield of type ${target}; only an int or an enum can be one`, part())
  }
  if (bitSize > 8 * size) {
    fail(records, id, `is a bitfield of ${bitSize} bits in a type of ${8 * size}`, part())
  }
  const end = bitSize === 0 ? bitOffset + 8 * heldSize(records, target, size) : bitOffset + bitSize
  if (end > 8 * records.sizeOrType(id)) {
    const kind = records.kind(id)
    fail(records, id, `ends at bit ${end}, but the ${kind} ends at bit ${8 * records.sizeOrType(id)}`, part())
  }
  if (bitSize === 0 && bitOffset % 8 !== 0 && size > 0 && !isNarrowInt(records, target)) {
    fail(records, id, `starts at bit ${bitOffset}, inside a byte, and is not a bitfield`, part())
  }
}

/** What a bitfield can be of: kernel/bpf/btf.c, check_kflag_member of each kind. */
const ofBits: readonly boolean[] = kinds.map(kind => ['int', 'enum', 'enum64'].includes(kind))

/** The bits that an int says it has, in bytes: before Linux 4.20 that is how bitfields were written. */
function heldSize(records: Records, target: TypeId, size: number): number {
  return isNarrowInt(records, target)
    ? (((records.word(target, 3) >>> 16) & 0xff) + (records.word(target, 3) & 0xff)) / 8
    : size
}

function isNarrowInt(records: Records, target: TypeId): boolean {
  return (
    records.kindNumber(target) === INT && (records.word(target, 3) & 0xff) !== 8 * records.sizeOrType(target)
  )
}

function checkEnumerators(records: Records, id: TypeId): void {
  const size = records.sizeOrType(id)
  if (![1, 2, 4, 8].includes(size)) fail(records, id, `is ${size} bytes; an enum has 1, 2, 4 or 8`)
  const stride = records.kind(id) === 'enum64' ? 3 : 2
  for (let i = 0; i < records.vlen(id); i++) {
    const name = records.word(id, 3 + stride * i)
    if (!records.hasText(name)) checkName(records, id, name, `/value[${i}]`)
  }
}

const linkages = 3

function checkFunc(records: Records, id: TypeId): void {
  if (records.vlen(id) >= linkages) fail(records, id, `has linkage ${records.vlen(id)}; known are 0 to 2`)
  const proto = records.sizeOrType(id)
  checkExists(records, id, proto)
  if (records.kind(proto) !== 'func_proto') {
    fail(records, id, `refers to type ${proto}, ${oneOf(records.kind(proto))}; a func needs a func_proto`)
  }
}

function checkParams(records: Records, id: TypeId): void {
  checkReference(records, id, records.sizeOrType(id), '/return')
  const last = records.vlen(id) - 1
  for (let i = 0; i <= last; i++) {
    const name = records.word(id, 3 + 2 * i)
    const target = records.word(id, 4 + 2 * i)
    // `...` is a last parameter without type and name
    const isFine = target === 0 ? i === last && name === 0 : isOfValue(records, target)
    if (isFine && records.hasText(name)) continue
    checkName(records, id, name, `/param[${i}]`)
    checkHeld(records, id, target, `/param[${i}]`)
  }
}

function checkVar(records: Records, id: TypeId): void {
  // `extern const void symbol __ksym` is a variable of type void
  checkReference(records, id, records.sizeOrType(id))
  const linkage = records.word(id, 3)
  if (linkage >= linkages) fail(records, id, `has linkage ${linkage}; known are 0 to 2`)
}

function checkVariables(records: Records, id: TypeId): void {
  const count = records.vlen(id)
  const isFilled = records.sizeOrType(id) !== 0
  for (let i = 0; i < count; i++) {
    const target = records.word(id, 3 + 3 * i)
    const number = records.has(target) ? records.kindNumber(target) : 0
    // the functions of `.ksyms`
    if (number !== VAR && number !== FUNC) refuseVariable(records, id, target, `/variable[${i}]`)
    if (isFilled) checkPlace(records, id, i)
  }
}

function refuseVariable(records: Records, id: TypeId, target: TypeId, part: string): never {
  checkExists(records, id, target, part)
  fail(records, id, `refers to type ${target}, ${oneOf(records.kind(target))}; expected a var`, part)
}

/** Where a variable lies in its section, once that is filled in. */
function checkPlace(records: Records, id: TypeId, i: number): void {
  const sectionSize = records.sizeOrType(id)
  const size = records.word(id, 5 + 3 * i)
  const end = records.word(id, 4 + 3 * i) + size
  if (end > sectionSize)
    fail(records, id, `ends at byte ${end}, but the section at ${sectionSize}`, `/variable[${i}]`)
  // more is fine: a struct may end in an array whose length only the variable knows
  const least = sizeIfAny(records, records.word(id, 3 + 3 * i)) ?? 0
  if (size < least) fail(records, id, `has ${size} bytes, but its type has ${least}`, `/variable[${i}]`)
}

function checkDeclTag(records: Records, id: TypeId): void {
  const target = records.sizeOrType(id)
  checkExists(records, id, target)
  const kind = records.kind(target)
  if (!['struct', 'union', 'func', 'var', 'typedef'].includes(kind)) {
    fail(records, id, `tags type ${target}, ${oneOf(kind)}, which is not a declaration`)
  }
  const component = records.word(id, 3) | 0
  if (component === -1) return
  const parts = taggableParts(records, target, kind)
  if (component < 0 || component >= parts) {
    fail(records, id, `tags part ${component} of type ${target}, which has ${parts}`)
  }
}

/** Members or parameters that a tag can name by index. */
function taggableParts(records: Records, target: TypeId, kind: BtfKind): number {
  if (kind === 'struct' || kind === 'union') return records.vlen(target)
  if (kind !== 'func') return 0
  const proto = records.sizeOrType(target)
  return records.has(proto) && records.kind(proto) === 'func_proto' ? records.vlen(proto) : 0
}
