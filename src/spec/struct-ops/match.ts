import { machineIsLittleEndian } from '../../btf/byte-order.ts'
import {
  type Btf,
  type BtfComposite,
  type BtfMember,
  type BtfType,
  type TypeId,
  typeName,
} from '../../btf/index.ts'
import { BpfError } from '../../errors.ts'
import type { CoreTarget, TargetTypes } from '../core/candidates.ts'
import { areOfOneKind, sizeIn } from '../core/sizes.ts'
import { pointerSize } from '../pointers.ts'
import type { OpsParts, StructOpsSpec } from './struct-ops.ts'

/** A struct of the kernel that a struct_ops map can register, and the value in which such a map holds it. */
export interface KernelOps {
  readonly from: TargetTypes
  readonly struct: BtfComposite
  /** `struct bpf_struct_ops_tcp_congestion_ops`, in the same types. */
  readonly valueType: TypeId
  /** Bytes. */
  readonly valueSize: number
  /** Where the struct lies in the value, in bytes. */
  readonly dataOffset: number
}

/** A struct_ops map as this kernel takes it. */
export interface MatchedOps extends KernelOps {
  /** The map's value; where programs are to be, it is zero. */
  readonly value: Uint8Array
  readonly functions: readonly MatchedFunction[]
}

/** A function that the kernel is to call. */
export interface MatchedFunction {
  readonly program: string
  /** Where its descriptor goes, in bytes from the start of the value. */
  readonly offset: number
  /** Index of the kernel's member, which is what its program is loaded for. */
  readonly member: number
}

const valuePrefix = 'bpf_struct_ops_'

/**
 * Lays the struct of a map out as the kernel has it, by the names of its members. What the kernel does not have may be
 * there as long as it is zero.
 *
 * @throws BpfError `ERR_STRUCT_OPS` where the kernel has no such struct, lacks a member that is set, or has another kind or
 * size of it.
 */
export function matchOps(map: string, spec: StructOpsSpec, kernel: CoreTarget): MatchedOps {
  const found = findOps(map, spec.typeName, kernel)
  const { struct, valueSize, dataOffset } = found
  const value = new Uint8Array(valueSize)
  const functions: MatchedFunction[] = []
  const { parts } = spec
  const indexes = memberIndexes(found.struct)
  const nameless = new Map<string, number>()
  parts.struct.members.forEach((member, i) => {
    const times = nameless.get(member.name) ?? 0
    nameless.set(member.name, times + 1)
    const index = indexes.get(member.name)?.[times]
    const place = new Place(map, parts, i, found)
    if (index === undefined) {
      if (!place.isZero) throw place.wrong('is set, and the kernel has no such member')
      return
    }
    const theirs = struct.members[index]!
    place.check(theirs)
    const offset = dataOffset + theirs.bitOffset / 8
    const program = place.program
    if (program !== undefined) functions.push({ program, offset, member: index })
    else value.set(place.bytes, offset)
  })
  return { ...found, value, functions }
}

/** Members without a name have one another's place, the first that of the first. */
function memberIndexes({ members }: BtfComposite): ReadonlyMap<string, readonly number[]> {
  const indexes = new Map<string, number[]>()
  members.forEach(({ name }, i) => {
    const same = indexes.get(name)
    if (same) same.push(i)
    else indexes.set(name, [i])
  })
  return indexes
}

/** One member of the object's struct. */
class Place {
  readonly #map: string
  readonly #parts: OpsParts
  readonly #index: number
  readonly #kernel: KernelOps
  readonly #member: BtfMember

  constructor(map: string, parts: OpsParts, index: number, kernel: KernelOps) {
    this.#map = map
    this.#parts = parts
    this.#index = index
    this.#kernel = kernel
    this.#member = parts.struct.members[index]!
  }

  get bytes(): Uint8Array {
    const { btf, contents } = this.#parts
    const start = Math.floor(this.#member.bitOffset / 8)
    return contents.subarray(start, start + sizeIn(btf, this.#member.type))
  }

  /** The program that it points to; `undefined` where it is no function or points to none. */
  get program(): string | undefined {
    return this.#parts.programs.get(this.#index)
  }

  get isZero(): boolean {
    return this.program === undefined && this.bytes.every(byte => byte === 0)
  }

  /** Can it be what the kernel has? Types of functions are the verifier's to compare. */
  check(theirs: BtfMember): void {
    const { btf } = this.#parts
    const kernel = this.#kernel.from.btf
    if (this.#member.bitSize !== 0 || theirs.bitSize !== 0)
      throw this.wrong('is a bitfield, which cannot be carried')
    const [ours, wanted] = [btf.resolve(this.#member.type), kernel.resolve(theirs.type)]
    if (!areOfOneKind(ours, wanted)) {
      throw this.wrong(
        `is ${typeName(btf, this.#member.type)}, the kernel has ${typeName(kernel, theirs.type)}`,
      )
    }
    if (ours.kind === 'ptr') {
      this.#checkPointer(kernel, wanted)
      return
    }
    const [have, want] = [this.bytes.length, sizeIn(kernel, theirs.type)]
    if (have !== want) throw this.wrong(`has ${have} bytes, in the kernel it has ${want}`)
  }

  #checkPointer(kernel: Btf, wanted: BtfType): void {
    if (this.program === undefined) {
      // an address of this object or process is none in the kernel
      if (this.isZero) return
      throw this.wrong('is a pointer that is set, and not to a program of the object')
    }
    if (wanted.kind === 'ptr' && kernel.resolve(wanted.type).kind === 'func_proto') return
    throw this.wrong(`points to program '${this.program}', in the kernel it points to no function`)
  }

  wrong(problem: string): BpfError {
    const { name } = this.#member
    const what = name === '' ? `member[${this.#index}]` : `member '${name}'`
    const { struct } = this.#parts
    const { from } = this.#kernel
    return new BpfError(`map '${this.#map}' (struct ${struct.name}): ${what} ${problem}`, {
      code: 'ERR_STRUCT_OPS',
      hint: `compare with struct ${this.#kernel.struct.name} of ${from.name}: 'bpftool btf dump file /sys/kernel/btf/vmlinux format c'`,
    })
  }
}

/** The kernel makes a struct `bpf_struct_ops_NAME` for each struct NAME that can be registered (kernel/bpf/bpf_struct_ops.c). */
function findOps(map: string, name: string, kernel: CoreTarget): KernelOps {
  const valueName = `${valuePrefix}${name}`
  const found = findIn(kernel.main(), name, valueName)
  if (found) return found
  for (const module of kernel.modules(valueName)) {
    const inModule = findIn(module, name, valueName)
    if (inModule) return inModule
  }
  throw new BpfError(
    `map '${map}': this kernel takes no struct ${name}: its types and those of its modules have no struct ${valueName}`,
    {
      code: 'ERR_STRUCT_OPS',
      hint: `the subsystem that calls it may not be built into this kernel, or its module not be loaded`,
    },
  )
}

function findIn(from: TargetTypes, name: string, valueName: string): KernelOps | undefined {
  const { btf } = from
  for (const id of btf.idsOf(valueName, 'struct')) {
    const value = btf.type(id)
    if (id < btf.first || value.kind !== 'struct') continue
    for (const member of value.members) {
      const struct = btf.resolve(member.type)
      if (struct.kind !== 'struct' || struct.name !== name || member.bitOffset % 8 !== 0) continue
      const dataOffset = member.bitOffset / 8
      if (dataOffset + struct.size > value.size) continue
      return { from, struct, valueType: id, valueSize: value.size, dataOffset }
    }
  }
  return undefined
}

/** A map's value with the descriptors of its programs in it. */
export function fillOps(
  { value, functions }: MatchedOps,
  descriptorOf: (program: string) => number,
): Uint8Array {
  const filled = value.slice()
  const view = new DataView(filled.buffer)
  for (const { program, offset } of functions) {
    if (offset + pointerSize <= filled.length)
      view.setBigUint64(offset, BigInt(descriptorOf(program)), machineIsLittleEndian)
  }
  return filled
}
