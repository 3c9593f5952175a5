import { type BtfType, type CoreKind, type TypeId, typeName } from '../../btf/index.ts'
import { type Access, fieldType, pathOf } from './access.ts'
import { refusal } from './refusal.ts'
import { innermost, isComposite, isEnum, sizeIn } from './sizes.ts'

/** What a relocation comes to, by the types of one side. */
export interface CoreValue {
  /** 64 bits without sign, as the instruction has it. */
  readonly value: bigint
  /** Is it certain that the compiler wrote this, if the types are the object's own? */
  readonly isCertain: boolean
  /** What a load or store at the field moves; `undefined` for a bitfield and for what is no offset. */
  readonly memory: { readonly size: number; readonly type: TypeId } | undefined
}

/**
 * The value of a relocation, `undefined` where there is none and the instruction must not be reached.
 *
 * @param access what was found; `undefined` if nothing was
 * @throws BpfError `ERR_CORE` for what has no value: the sign of an array element, a bitfield that no load reaches.
 */
export function coreValueOf(
  kind: CoreKind,
  access: Access | undefined,
  littleEndian: boolean,
): CoreValue | undefined {
  switch (kind) {
    case 'field_exists':
    case 'type_exists':
    case 'type_matches':
    case 'enumval_exists':
      return certain(access ? 1 : 0)
    case 'type_id_local':
    case 'type_id_target':
      // a static linker gives the object's types other ids
      return { ...certain(access?.root ?? 0), isCertain: false }
    case 'type_size':
      return certain(access ? sizeIn(access.btf, access.root) : 0)
    case 'enumval_value':
      return access && certain(enumeratorOf(access))
    default:
      return access && fieldValue(kind, access, littleEndian)
  }
}

function certain(value: number | bigint): CoreValue {
  return { value: BigInt.asUintN(64, BigInt(value)), isCertain: true, memory: undefined }
}

function enumeratorOf({ btf, steps: [step] }: Access): number | bigint {
  const type = btf.type(step!.type)
  if (!isEnum(type)) throw refusal('leads to no enumerator')
  return type.values[step!.index]!.value
}

type FieldKind = Extract<CoreKind, `field_${string}`>

function fieldValue(kind: FieldKind, access: Access, littleEndian: boolean): CoreValue {
  const { btf } = access
  const declared = fieldType(access)
  const { bitSize } = memberOf(access)
  if (access.steps.at(-1)!.name === undefined && kind !== 'field_byte_offset' && kind !== 'field_byte_size') {
    throw refusal(`${kind} is not known of ${pathOf(access)}, an array's element`)
  }
  const isBitfield = bitSize > 0
  const place = isBitfield ? bitfieldPlace(access, bitSize) : wholePlace(access)
  const from = access.bitOffset - 8 * place.offset
  const inValue = (value: number, isCertain: boolean): CoreValue => ({ ...certain(value), isCertain })
  switch (kind) {
    case 'field_byte_offset':
      return { ...inValue(place.offset, !isBitfield), memory: isBitfield ? undefined : memoryAt(access) }
    case 'field_byte_size':
      return inValue(place.size, !isBitfield)
    case 'field_signed':
      return certain(isSigned(btf.resolve(declared)) ? 1 : 0)
    case 'field_lshift_u64': {
      const left = littleEndian ? 64 - (from + place.bits) : 64 - 8 * place.size + from
      return inValue(left, !isBitfield)
    }
    case 'field_rshift_u64':
      return certain(64 - place.bits)
    default:
      throw refusal(`${kind} is no value of a field`)
  }
}

function memberOf({ btf, steps }: Access): { readonly bitSize: number } {
  const { type: id, index, name } = steps.at(-1)!
  const type: BtfType = btf.type(id)
  return name !== undefined && isComposite(type) ? type.members[index]! : { bitSize: 0 }
}

interface Place {
  /** Bytes from where the pointer points, and bytes to load. */
  readonly offset: number
  readonly size: number
  /** Of the field. */
  readonly bits: number
}

function wholePlace(access: Access): Place {
  const size = sizeIn(access.btf, fieldType(access))
  return { offset: Math.floor(access.bitOffset / 8), size, bits: 8 * size }
}

/** The narrowest aligned load, no narrower than the declared type, that has all bits of the field. */
function bitfieldPlace(access: Access, bits: number): Place {
  const { btf, bitOffset } = access
  for (let size = Math.max(sizeIn(btf, fieldType(access)), 1); ; size *= 2) {
    const offset = Math.floor(bitOffset / 8 / size) * size
    if (bitOffset + bits <= 8 * (offset + size)) return { offset, size, bits }
    if (size >= 8) throw refusal(`no load of 64 bits has all of the bitfield ${pathOf(access)}`)
  }
}

/** Of an array it is an element that is loaded; whether that may change is for the type as a whole to say. */
function memoryAt(access: Access): { size: number; type: TypeId } {
  const { btf } = access
  const type = btf.resolveId(fieldType(access))
  return { size: sizeIn(btf, innermost(btf, type).id), type }
}

function isSigned(type: BtfType): boolean {
  return (type.kind === 'int' || isEnum(type)) && type.signed
}

/** `undefined` where a load of the one may be made one of the other, else why not. */
export function misfit(
  local: Access,
  localValue: CoreValue,
  target: Access,
  targetValue: CoreValue,
): string | undefined {
  const [ours, theirs] = [localValue.memory, targetValue.memory]
  if (ours?.size === theirs?.size) return undefined
  const isBoth = (is: (type: BtfType) => boolean): boolean =>
    ours !== undefined &&
    theirs !== undefined &&
    is(local.btf.type(ours.type)) &&
    is(target.btf.type(theirs.type))
  // both are widened with zeros: the value stays what it is
  if (isBoth(type => type.kind === 'ptr') || isBoth(type => type.kind === 'int' && !type.signed))
    return undefined
  return (
    `the program has ${described(local, ours)}, it is ${described(target, theirs)}: the size of a load can change for ` +
    'pointers and unsigned integers only'
  )
}

function described(access: Access, memory: CoreValue['memory']): string {
  if (!memory) return 'a bitfield'
  return `${typeName(access.btf, fieldType(access))} of ${memory.size} bytes`
}
