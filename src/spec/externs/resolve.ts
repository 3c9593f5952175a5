import { essentialName, type TypeId, typeName } from '../../btf/index.ts'
import { BpfError } from '../../errors.ts'
import { functionsOf } from '../assemble.ts'
import type { CoreTarget, TargetTypes } from '../core/candidates.ts'
import { areTypesCompatible } from '../core/compatible.ts'
import type { Spec } from '../types.ts'
import type { KernelExtern } from './declarations.ts'

/** Where what a kernel defines is to be had. Nothing is read before it is asked for. */
export interface KernelSymbols extends CoreTarget {
  /** The addresses of these names, all of those that share one; what is not there is not in it. */
  addresses(names: ReadonlySet<string>): ReadonlyMap<string, readonly bigint[]>
  /** A descriptor of a module's BTF, which stays the giver's to close. */
  descriptor(module: string): number
}

/** What is written into the instructions that use a name. */
export type ResolvedExtern =
  | { readonly kind: 'address'; readonly address: bigint }
  /** A type in the BTF of the kernel, or of a module: by its descriptor, and by where that is in the list of descriptors. */
  | { readonly kind: 'type'; readonly id: TypeId; readonly btfFd: number; readonly btfIndex: number }
  /** A weak function that there is none of; `index` tells it from others in a verifier log. */
  | { readonly kind: 'missing'; readonly index: number; readonly why: string }

/** The names of an object that the kernel defines. */
export interface ResolvedExterns {
  readonly byName: ReadonlyMap<string, ResolvedExtern>
  /** Descriptors that calls refer to by index, for BPF_PROG_LOAD; empty where there are none. */
  readonly descriptors: readonly number[]
}

/**
 * Finds what the object declares `__ksym`, whichever program uses it. As libbpf does it, so that the same objects load:
 * a prototype of the kernel must be compatible as for CO-RE, a weak name that is not there, or a weak function that is
 * another, has no address.
 *
 * @throws BpfError `ERR_EXTERN` for a name that is not there, that stands for several things, or is of another type.
 */
export function resolveExterns(spec: Spec, kernel: KernelSymbols): ResolvedExterns {
  const resolution = new Resolution(spec, kernel)
  const names = new Set(spec.externs.flatMap(({ kind, name }) => (kind === 'symbol' ? name : [])))
  const addresses = names.size > 0 ? kernel.addresses(names) : new Map<string, readonly bigint[]>()
  spec.externs.forEach((extern, index) => {
    if (extern.kind === 'symbol') resolution.symbol(extern, addresses.get(extern.name) ?? [])
    else if (extern.kind === 'variable') resolution.variable(extern)
    else if (extern.kind === 'function') resolution.function(extern, index)
  })
  return resolution
}

/** An index is the `off` of an instruction, a signed integer of 16 bits. */
const mostDescriptors = 0x7fff

/** How many addresses an error lists. */
const mostPlaces = 3

class Resolution implements ResolvedExterns {
  readonly byName = new Map<string, ResolvedExtern>()
  readonly descriptors: number[] = []
  readonly #spec: Spec
  readonly #kernel: KernelSymbols
  readonly #indices = new Map<string, number>()

  constructor(spec: Spec, kernel: KernelSymbols) {
    this.#spec = spec
    this.#kernel = kernel
  }

  symbol(extern: KernelExtern, addresses: readonly bigint[]): void {
    const [address, other] = addresses
    if (address === undefined && !extern.isWeak) {
      throw this.#refusal(extern, 'this kernel has no such symbol', weakSymbol)
    }
    if (address !== undefined && other !== undefined) {
      const places = addresses.slice(0, mostPlaces).map(each => `0x${each.toString(16)}`)
      const more = addresses.length > mostPlaces ? ` and ${addresses.length - mostPlaces} more` : ''
      throw this.#refusal(
        extern,
        `this kernel has several of that name, at ${places.join(', ')}${more}`,
        'take one that is unique, from the same source file perhaps',
      )
    }
    this.byName.set(extern.name, { kind: 'address', address: address ?? 0n })
  }

  variable(extern: KernelExtern): void {
    const { name, type } = extern
    const found = this.#find(name, 'var')
    if (!found) {
      if (!extern.isWeak) throw this.#refusal(extern, 'no variable of that name has a type there', untyped)
      this.byName.set(name, { kind: 'address', address: 0n })
      return
    }
    const { from, id } = found
    const declared = from.btf.type(id)
    const theirs = declared.kind === 'var' ? from.btf.resolveId(declared.type) : 0
    if (!this.#isCompatible(type, from, theirs)) {
      throw this.#refusal(extern, this.#difference(type, from, theirs), 'declare it as the kernel does')
    }
    const btfFd = from.module === undefined ? 0 : this.#kernel.descriptor(from.module)
    this.byName.set(name, { kind: 'type', id, btfFd, btfIndex: 0 })
  }

  function(extern: KernelExtern, index: number): void {
    const { name, type, isWeak } = extern
    const found = this.#find(essentialName(name), 'func')
    const declared = found?.from.btf.type(found.id)
    const theirs = declared?.kind === 'func' ? declared.type : 0
    if (found && this.#isCompatible(type, found.from, theirs)) {
      const { from, id } = found
      const place = from.module === undefined ? { btfFd: 0, btfIndex: 0 } : this.#placeOf(from.module)
      this.byName.set(name, { kind: 'type', id, ...place })
      return
    }
    const why = found
      ? this.#difference(type, found.from, theirs)
      : 'neither this kernel nor a module of it has it'
    if (!isWeak) throw this.#refusal(extern, why, found ? otherVersion(name) : weakFunction(name))
    this.byName.set(name, { kind: 'missing', index, why })
  }

  /** The kernel comes first, then modules; types of modules include the kernel's. */
  #find(name: string, kind: 'var' | 'func'): { from: TargetTypes; id: TypeId } | undefined {
    const main = this.#kernel.main()
    for (const id of main.btf.idsOf(name, kind)) return { from: main, id }
    for (const from of this.#kernel.modules(name)) {
      for (const id of from.btf.idsOf(name, kind)) if (id >= from.btf.first) return { from, id }
    }
    return undefined
  }

  #isCompatible(local: TypeId, from: TargetTypes, theirs: TypeId): boolean {
    try {
      return areTypesCompatible(this.#spec.btf!, local, from.btf, theirs)
    } catch (error) {
      // nested so deeply that nobody can tell
      if (error instanceof BpfError && error.code === 'ERR_CORE') return false
      throw error
    }
  }

  /** No descriptor is at index 0, which stands for the kernel itself. */
  #placeOf(module: string): { btfFd: number; btfIndex: number } {
    const btfFd = this.#kernel.descriptor(module)
    const known = this.#indices.get(module)
    if (known !== undefined) return { btfFd, btfIndex: known }
    if (this.descriptors.length === 0) this.descriptors.push(0)
    const btfIndex = this.descriptors.push(btfFd) - 1
    if (btfIndex > mostDescriptors) {
      throw new BpfError(
        `its kernel functions are in ${btfIndex} modules, a call can tell ${mostDescriptors}`,
        {
          code: 'ERR_EXTERN',
        },
      )
    }
    this.#indices.set(module, btfIndex)
    return { btfFd, btfIndex }
  }

  #difference(local: TypeId, from: TargetTypes, theirs: TypeId): string {
    const [own, kernels] = [typeName(this.#spec.btf!, local), typeName(from.btf, theirs)]
    return `it is declared as ${own}, and is ${kernels} in ${from.name}`
  }

  #refusal({ kind, name }: KernelExtern, why: string, hint: string): BpfError {
    const what = { symbol: 'the symbol', variable: 'the variable', function: 'the kernel function' }[kind]
    const users = this.#spec.programs.filter(program =>
      functionsOf(program).some(({ references }) =>
        references.some(reference => reference.kind === 'extern' && reference.name === name),
      ),
    )
    const by = users.length === 0 ? '' : ` (used by ${users.map(user => user.name).join(', ')})`
    return new BpfError(`${what} '${name}'${by}: ${why}`, { code: 'ERR_EXTERN', hint })
  }
}

const weakSymbol = 'declare it __weak, and compare its address with NULL before it is used'
const untyped =
  "the kernel's BTF has the types of per-CPU variables; others are declared by address: extern const void NAME __ksym"

function weakFunction(name: string): string {
  return `load the module that has it, or declare it __weak and ask bpf_ksym_exists(${name}) before it is called`
}

function otherVersion(name: string): string {
  return `declare it as the kernel does; versions of it have names of their own: ${essentialName(name)}___v2, __weak`
}
