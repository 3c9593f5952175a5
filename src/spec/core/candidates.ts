import { type Btf, essentialName, flavoursIn, type TypeId } from '../../btf/index.ts'
import { areOfOneKind } from './sizes.ts'

/** Types that a program may run on. */
export interface TargetTypes {
  /** As messages call it: `vmlinux`, the name of a module, a path. */
  readonly name: string
  /** The name of the module that they are of; `undefined` where they are the kernel's own, or of a file. */
  readonly module?: string
  readonly btf: Btf
}

/** Where the types of a kernel are to be had. Nothing is read before it is asked for. */
export interface CoreTarget {
  /** Those of the kernel itself. */
  main(): TargetTypes
  /** Of its modules those that may have a type of this name, or of a flavour of it. */
  modules(name: string): Iterable<TargetTypes>
}

/** A type of the kernel that a program may mean by one of its own. */
export interface Candidate {
  readonly from: TargetTypes
  readonly id: TypeId
}

/**
 * The candidates for the types of one object: types of one kind and one essential name, in the kernel itself, and only if
 * it has none, in its modules. A relocation that some of them satisfy leaves those for the later ones of the same type, so
 * that they all speak of one kernel type (tools/lib/bpf/relo_core.c: bpf_core_calc_relo_insn).
 */
export class Candidates {
  readonly #local: Btf
  readonly #target: CoreTarget
  readonly #known = new Map<TypeId, readonly Candidate[]>()

  constructor(local: Btf, target: CoreTarget) {
    this.#local = local
    this.#target = target
  }

  of(id: TypeId): readonly Candidate[] {
    let candidates = this.#known.get(id)
    if (!candidates) this.#known.set(id, (candidates = this.#find(id)))
    return candidates
  }

  narrow(id: TypeId, candidates: readonly Candidate[]): void {
    this.#known.set(id, candidates)
  }

  #find(id: TypeId): readonly Candidate[] {
    const name = essentialName(this.#local.nameOf(id))
    const inKernel = this.#in(this.#target.main(), id, name)
    if (inKernel.length > 0) return inKernel
    return Array.from(this.#target.modules(name), from => this.#in(from, id, name)).flat()
  }

  #in(from: TargetTypes, id: TypeId, name: string): Candidate[] {
    const { btf } = from
    const local = this.#local.type(id)
    const names = [name, ...(flavoursIn(btf).get(name) ?? [])]
    return [...new Set(names)]
      .flatMap(each => [...btf.idsOf(each)])
      .filter(theirs => theirs >= btf.first && areOfOneKind(local, btf.type(theirs)))
      .sort((a, b) => a - b)
      .map(theirs => ({ from, id: theirs }))
  }
}
