import {
  type Btf,
  type BtfComposite,
  type BtfMember,
  createCodec,
  didYouMean,
  essentialName,
  type TypeId,
  typeName,
  type Value,
} from '../../btf/index.ts'
import type { ElfFile, ElfRelocation } from '../../elf/index.ts'
import { BpfError, BtfError, ElfError } from '../../errors.ts'
import { emptyMap } from '../empty-map.ts'
import { mapFlag } from '../kernel.ts'
import type { Definition } from '../map-definitions.ts'
import type { PlacedSection, PlacedVariable } from '../placement.ts'
import { addendOf, pointerSize } from '../pointers.ts'
import type { ReferenceTargets } from '../references.ts'
import type { StructOpsTarget } from '../target-forms.ts'
import type { LinkOptions } from '../types.ts'

/** The sections that hold structs of functions for the kernel; with a `?` their maps are not created unless asked for. */
const sectionPattern = /^(\?)?\.struct_ops(\.link)?$/

/** A struct_ops map and where its struct lies. */
export interface OpsMap {
  readonly map: Definition
  readonly ops: StructOpsSpec
  /** Index of the section. */
  readonly section: number
  /** Bytes from the start of the section. */
  readonly offset: number
}

/**
 * The struct behind a struct_ops map, `struct tcp_congestion_ops cubic` in SEC(".struct_ops.link"): what the kernel is to
 * call, and what else it is to know. Until the object is loaded its members can be read and set.
 *
 * @example
 * const { structOps } = spec.maps.get('my_cc')
 * structOps?.set('name', 'my_cc_2')
 * structOps?.set('cong_avoid', 'on_avoid_slowly') // another program of the object
 */
export class StructOpsSpec {
  /** The struct, in the object's BTF. */
  readonly type: TypeId
  /** Which of the kernel's structs it is, `'tcp_congestion_ops'`: its name without a flavour (`___old`). */
  readonly typeName: string
  /** `false`: created and pinned, not attached by `attach()`. */
  autoattach = true
  /** How its link is pinned; cookies are not for it. */
  readonly link: LinkOptions = {}
  readonly #btf: Btf
  readonly #map: string
  readonly #struct: BtfComposite
  readonly #layout: OpsLayout
  readonly #contents: Uint8Array
  /** The programs that members point to, by the member's index. */
  readonly #programs = new Map<number, string>()
  readonly #declared = new Set<string>()

  /** @internal */
  constructor(map: string, btf: Btf, layout: OpsLayout, contents: Uint8Array) {
    const { struct } = layout
    this.type = struct.id
    this.typeName = essentialName(struct.name)
    this.#btf = btf
    this.#map = map
    this.#struct = struct
    this.#layout = layout
    this.#contents = contents
  }

  /** The members, in the order of the struct; what has no name is not among them. */
  get members(): readonly string[] {
    return this.#struct.members.flatMap(({ name }) => (name === '' ? [] : name))
  }

  /**
   * The name of the program that a member points to, `null` where it points to none; of other members the value.
   *
   * @throws BpfError `ERR_UNKNOWN_NAME` for a member that the struct does not have, `ERR_VALUE` for a bitfield.
   */
  get(member: string): Value | null {
    const index = this.#indexOf(member)
    if (this.#layout.functions.has(index)) return this.#programs.get(index) ?? null
    const place = this.#struct.members[index]!
    if (place.bitSize !== 0) throw this.#wrong(member, 'is a bitfield, which no struct_ops map can carry')
    return createCodec(this.#btf, place.type, this.#path(member)).decode(this.#contents, place.bitOffset / 8)
  }

  /**
   * Sets what the kernel gets: the name of a program or `null` for a function, else a value of the member's type.
   * Programs are loaded if some map that is created points to them, and left out if the last one that did does not.
   *
   * @throws BpfError `ERR_UNKNOWN_NAME`, or `ERR_VALUE` for what the member cannot hold.
   */
  set(member: string, value: Value | null): void {
    const index = this.#indexOf(member)
    const place = this.#struct.members[index]!
    const isFunction = this.#layout.functions.has(index)
    if (isFunction && value === null) {
      this.#programs.delete(index)
    } else if (isFunction && typeof value === 'string') {
      this.#programs.set(index, value)
    } else if (isFunction || value === null) {
      const wanted = isFunction ? 'the name of a program or null' : typeName(this.#btf, place.type)
      throw this.#wrong(member, `expected ${wanted}, got ${String(value)}`)
    } else if (place.bitSize !== 0) {
      throw this.#wrong(member, 'is a bitfield, which no struct_ops map can carry')
    } else {
      const codec = createCodec(this.#btf, place.type, this.#path(member))
      codec.encode(value, this.#contents, place.bitOffset / 8)
    }
  }

  /** @internal Puts a program where the object has a pointer to it. */
  point(offset: number, program: string): void {
    const index = this.#layout.byOffset.get(offset) ?? -1
    const member = this.#struct.members[index]
    if (!member || !this.#layout.functions.has(index)) {
      const what = member ? `member '${member.name}' (${typeName(this.#btf, member.type)})` : 'no member'
      throw new BtfError(
        `${this.#map}+${offset}`,
        `the object has program '${program}' where struct ${this.#struct.name} has ${what}, which is no pointer to a function`,
      )
    }
    // of a static function its place in the section is there
    this.#contents.fill(0, offset, offset + pointerSize)
    this.#programs.set(index, program)
    this.#declared.add(program)
  }

  /** What it is registered as: the struct, and what its member `name` says where that is text. */
  get target(): StructOpsTarget {
    const index = this.#struct.members.findIndex(({ name }) => name === 'name')
    const name = index < 0 || this.#layout.functions.has(index) ? undefined : this.get('name')
    return { structOps: this.typeName, ...(typeof name === 'string' ? { name } : {}) }
  }

  /** The names of the programs that it points to. */
  get programs(): ReadonlySet<string> {
    return new Set(this.#programs.values())
  }

  /** Those that the object has in it, whatever was set since. */
  get declaredPrograms(): ReadonlySet<string> {
    return this.#declared
  }

  /**
   * What is in it, as text, by member: the name of a program, `"text"`, `5`; of what has no name by its number. What is zero
   * is not there, so that two versions of the struct say the same of it. Equal texts are equal structs.
   */
  get definition(): Readonly<Record<string, string>> {
    const texts: Record<string, string> = {}
    this.#struct.members.forEach(({ name, type, bitOffset, bitSize }, i) => {
      const program = this.#programs.get(i)
      const start = Math.floor(bitOffset / 8)
      const bytes = this.#contents.subarray(start, start + this.#btf.sizeOf(type))
      const key = name === '' ? `member[${i}]` : name
      if (program !== undefined) texts[key] = program
      else if (bytes.some(byte => byte !== 0)) {
        texts[key] = name === '' || bitSize !== 0 ? hex(bytes) : valueText(this.get(name))
      }
    })
    return texts
  }

  /** @internal What is to be compared with the kernel's struct. */
  get parts(): OpsParts {
    return {
      ...{ btf: this.#btf, struct: this.#struct, contents: this.#contents, programs: this.#programs },
    }
  }

  #indexOf(name: string): number {
    const index = name === '' ? -1 : this.#struct.members.findIndex(member => member.name === name)
    if (index >= 0) return index
    throw new BpfError(
      `struct ${this.#struct.name} of map '${this.#map}' has no member '${name}'${didYouMean(name, this.members)}`,
      { code: 'ERR_UNKNOWN_NAME' },
    )
  }

  #path(member: string): string {
    return `${this.#map}.${member}`
  }

  #wrong(member: string, problem: string): BpfError {
    return new BpfError(`${this.#path(member)} ${problem}`, { code: 'ERR_VALUE' })
  }
}

/** A struct as the object has it. */
export interface OpsParts {
  readonly btf: Btf
  readonly struct: BtfComposite
  /** As long as the struct; pointers to functions are zero. */
  readonly contents: Uint8Array
  /** The programs that members point to, by the member's index. */
  readonly programs: ReadonlyMap<number, string>
}

/** A struct, looked through once for all maps of it. */
export interface OpsLayout {
  readonly struct: BtfComposite
  /** The indexes of the members that point to functions. */
  readonly functions: ReadonlySet<number>
  /** The index of the first member at an offset, in bytes. */
  readonly byOffset: ReadonlyMap<number, number>
}

function layoutOf(btf: Btf, struct: BtfComposite): OpsLayout {
  const functions = new Set<number>()
  const byOffset = new Map<number, number>()
  struct.members.forEach((member, i) => {
    if (isFunction(btf, member)) functions.add(i)
    const offset = member.bitOffset / 8
    if (!byOffset.has(offset)) byOffset.set(offset, i)
  })
  return { struct, functions, byOffset }
}

function hex(bytes: Uint8Array): string {
  return `0x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`
}

function valueText(value: Value | null): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return String(part)
    return part instanceof Uint8Array ? hex(part) : part
  })
}

function isFunction(btf: Btf, { type, bitSize }: BtfMember): boolean {
  const pointer = btf.resolve(type)
  return bitSize === 0 && pointer.kind === 'ptr' && btf.resolve(pointer.type).kind === 'func_proto'
}

/**
 * Reads the struct_ops maps of an object, in the order of its sections: a map for each variable in one of them.
 *
 * @throws BtfError, ElfError for a variable that is no struct with a name, or missing BTF.
 */
export function readOpsMaps(
  elf: ElfFile,
  btf: Btf | undefined,
  sections: ReadonlyMap<string, PlacedSection>,
  unique: (name: string) => string,
): OpsMap[] {
  const layouts = new Map<TypeId, OpsLayout>()
  const named = elf.sections.filter(({ name }) => name.includes('.struct_ops'))
  return named.flatMap(({ name, size }) => {
    const match = sectionPattern.exec(name)
    if (!match || size === 0) return []
    const placed = sections.get(name)
    if (!btf || !placed) throw new ElfError(name, 'struct_ops maps need BTF: compile with -g')
    return placed.variables.map(variable => readOpsMap(btf, placed, variable, unique, match, layouts))
  })
}

function readOpsMap(
  btf: Btf,
  { section }: PlacedSection,
  variable: PlacedVariable,
  unique: (name: string) => string,
  [, optional, link]: RegExpExecArray,
  layouts: Map<TypeId, OpsLayout>,
): OpsMap {
  const where = `${section.name}/${variable.name}`
  if (variable.linkage === 'extern') {
    throw new BtfError(where, 'is declared extern: its definition is in another object')
  }
  const struct = btf.resolve(variable.type)
  if (struct.kind !== 'struct' || struct.name === '') {
    const got = typeName(btf, variable.type)
    throw new BtfError(where, `expected a struct that the kernel has, by its name, got ${got}`)
  }
  const { offset } = variable
  if (offset + struct.size > section.data.length) {
    throw new BtfError(where, `has ${struct.size} bytes at ${offset}, its section has ${section.data.length}`)
  }
  const name = unique(variable.name)
  const layout = layouts.get(struct.id) ?? layoutOf(btf, struct)
  layouts.set(struct.id, layout)
  const ops = new StructOpsSpec(name, btf, layout, section.data.slice(offset, offset + struct.size))
  const map = emptyMap(name)
  map.type = 'struct_ops'
  map.keySize = 4
  map.valueSize = struct.size
  map.maxEntries = 1
  map.flags = link ? mapFlag.LINK : 0
  map.autocreate = !optional
  map.structOps = ops
  return { map, ops, section: section.index, offset }
}

/**
 * Reads which programs the object puts into its structs: relocations of the sections.
 *
 * @throws ElfError, BtfError for one that is not on a pointer to a function, or not against a program.
 */
export function readOpsPrograms(elf: ElfFile, maps: readonly OpsMap[], targets: ReferenceTargets): void {
  if (maps.length === 0) return
  for (const section of new Set(maps.map(map => map.section))) {
    const inSection = maps.filter(map => map.section === section).sort((a, b) => a.offset - b.offset)
    let i = 0
    for (const relocation of elf.relocations(section)) {
      while (i < inSection.length && endOf(inSection[i]!) <= relocation.offset) i++
      const at = `${elf.sections[section]?.name}+0x${relocation.offset.toString(16)}`
      const found = inSection[i]
      if (!found || relocation.offset < found.offset) {
        throw new ElfError(at, 'a relocation outside of every struct')
      }
      found.ops.point(relocation.offset - found.offset, programAt(elf, relocation, section, targets, at))
    }
  }
}

function endOf({ offset, map }: OpsMap): number {
  return offset + map.valueSize
}

function programAt(
  elf: ElfFile,
  relocation: ElfRelocation,
  section: number,
  targets: ReferenceTargets,
  where: string,
): string {
  const symbol = elf.symbol(relocation.symbol)
  if (typeof symbol.section === 'number') {
    const name = targets.programAt(symbol.section, symbol.value + addendOf(elf, relocation, section))
    if (name !== undefined) return name
  }
  throw new ElfError(
    where,
    `points to '${symbol.name}', which is no program: its function needs SEC("struct_ops")`,
  )
}
