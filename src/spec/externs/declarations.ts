import type { Btf, BtfVar, TypeId } from '../../btf/index.ts'
import type { ElfFile, ElfSymbol } from '../../elf/index.ts'
import { BtfError } from '../../errors.ts'
import { type KconfigForm, kconfigForm } from './kconfig-form.ts'

/** A name that the object expects the kernel, or the configuration that it was built with, to define. */
export type ExternSpec = KconfigExtern | KernelExtern

/** A value of the kernel's configuration, declared `__kconfig`. */
export interface KconfigExtern {
  readonly kind: 'kconfig'
  readonly name: string
  /** 0 where the configuration has no such value. */
  readonly isWeak: boolean
  readonly form: KconfigForm
  readonly isSigned: boolean
  /** Bytes from the start of the map `.kconfig`. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
  readonly variable: BtfVar
}

/** Something in the kernel or in a module of it, declared `__ksym`. */
export interface KernelExtern {
  /** `symbol`: anything that has an address, by that alone; `variable` and `function` (a kfunc): by their types. */
  readonly kind: 'symbol' | 'variable' | 'function'
  readonly name: string
  /** Its address is 0 where the kernel has none, and no program may call it. */
  readonly isWeak: boolean
  /** In the object's BTF, of a variable or of a function's prototype; 0 of a symbol. */
  readonly type: TypeId
}

/** The map that holds the values of the kernel's configuration, and their section in BTF. */
export const kconfigSection = '.kconfig'
const ksymsSection = '.ksyms'

/**
 * What the object expects others to define, in libbpf's order: values of the configuration as they lie in their map, then
 * what is in the kernel, by name (tools/lib/bpf/libbpf.c: bpf_object__collect_externs).
 *
 * @throws BtfError for a name of which BTF does not say what it is.
 */
export function readExterns(elf: ElfFile, btf: Btf | undefined): ExternSpec[] {
  const sections = sectionsOf(btf)
  // who refers to any other symbol that is defined nowhere is refused there
  if (!btf || sections.size === 0) return []
  const symbols = externSymbols(elf)
  const values: Omit<KconfigExtern, 'offset'>[] = []
  const kernel: KernelExtern[] = []
  for (const { name, binding } of symbols.values()) {
    const isWeak = binding === 'weak'
    const { section, id } = declarationOf(btf, sections, name)
    const found = section === kconfigSection ? configValue(btf, id, isWeak) : inKernel(btf, id, isWeak)
    if (found.kind === 'kconfig') values.push(found)
    else kernel.push(found)
  }
  refuseUnused(btf, symbols)
  return [...placed(btf, values), ...kernel.sort(byName)]
}

function externSymbols(elf: ElfFile): Map<string, ElfSymbol> {
  const symbols = new Map<string, ElfSymbol>()
  for (let i = 1; i < elf.symbolCount; i++) {
    const symbol = elf.symbol(i)
    if (isExtern(symbol)) symbols.set(symbol.name, symbol)
  }
  return symbols
}

/** clang gives them no type, and no size. */
function isExtern({ name, section, kind, binding }: ElfSymbol): boolean {
  return (
    section === 'undefined' &&
    name !== '' &&
    kind === 'notype' &&
    (binding === 'global' || binding === 'weak')
  )
}

function sectionsOf(btf: Btf | undefined): ReadonlyMap<TypeId, string> {
  const sections = new Map<TypeId, string>()
  if (!btf || !hasExterns(btf)) return sections
  for (const name of [kconfigSection, ksymsSection])
    for (const { type } of btf.find(name, 'datasec')?.variables ?? []) sections.set(type, name)
  return sections
}

/** Looks at the few sections, not for a name among all types. */
function hasExterns(btf: Btf): boolean {
  for (const id of btf.datasecs) {
    const name = btf.nameOf(id)
    if (name === kconfigSection || name === ksymsSection) return true
  }
  return false
}

function declarationOf(
  btf: Btf,
  sections: ReadonlyMap<TypeId, string>,
  name: string,
): { readonly section: string; readonly id: TypeId } {
  for (const id of btf.idsOf(name)) {
    const type = btf.type(id)
    if (type.kind !== 'var' && type.kind !== 'func') continue
    const section = type.linkage === 'extern' ? sections.get(id) : undefined
    if (section !== undefined) return { section, id }
    throw new BtfError(
      btf.records.place(id),
      `'${name}' is defined nowhere, and is declared neither __kconfig nor __ksym`,
    )
  }
  throw new BtfError('.BTF', `says nothing of '${name}', which the object uses and does not define`, {
    hint: 'compile with -g; what the kernel defines is declared __kconfig or __ksym',
  })
}

function configValue(btf: Btf, id: TypeId, isWeak: boolean): Omit<KconfigExtern, 'offset'> {
  const variable = btf.type(id)
  const where = btf.records.place(id)
  if (variable.kind !== 'var') {
    throw new BtfError(where, `'${variable.name}' is a function, and values of the configuration are none`)
  }
  const found = kconfigForm(btf, variable.type)
  if (!found) {
    throw new BtfError(
      where,
      `'${variable.name}': no value of the configuration is of this type; there are bool, char, integers of 1 to 8 ` +
        'bytes, enum libbpf_tristate, and arrays of char',
    )
  }
  const { name } = variable
  return { kind: 'kconfig', name, isWeak, ...found, size: btf.sizeOf(variable.type), variable }
}

function inKernel(btf: Btf, id: TypeId, isWeak: boolean): KernelExtern {
  const declared = btf.type(id)
  if (declared.kind === 'func')
    return { kind: 'function', name: declared.name, isWeak, type: btf.resolveId(declared.type) }
  if (declared.kind !== 'var')
    throw new BtfError(btf.records.place(id), `is ${declared.kind}, expected a variable`)
  const type = btf.resolveId(declared.type)
  return { kind: type === 0 ? 'symbol' : 'variable', name: declared.name, isWeak, type }
}

/** The sections become part of a map, or of what the kernel is told: each entry must be something that there is. */
function refuseUnused(btf: Btf, symbols: ReadonlyMap<string, ElfSymbol>): void {
  for (const section of [kconfigSection, ksymsSection]) {
    const datasec = btf.find(section, 'datasec')
    for (const { type } of datasec?.variables ?? []) {
      const name = btf.nameOf(type)
      if (symbols.has(name)) continue
      throw new BtfError(btf.records.place(datasec!.id), `'${name}' of section ${section} has no symbol`)
    }
  }
}

/** Longer values there are none: libbpf reads lines of 4 KiB. A map of more would be an attack on our memory. */
const largestMap = 2 ** 24

/** The order that libbpf has: largest alignment first, then smallest size, then by name. */
function placed(btf: Btf, values: readonly Omit<KconfigExtern, 'offset'>[]): KconfigExtern[] {
  let end = 0
  return values
    .map(value => ({ value, align: btf.alignOf(value.variable.type) }))
    .sort((a, b) => b.align - a.align || a.value.size - b.value.size || byName(a.value, b.value))
    .map(({ value, align }) => {
      const offset = Math.ceil(end / align) * align
      end = offset + value.size
      if (end <= largestMap) return { ...value, offset }
      throw new BtfError(
        btf.records.place(value.variable.id),
        `'${value.name}' ends at byte ${end} of ${kconfigSection}, which may have ${largestMap}`,
      )
    })
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
