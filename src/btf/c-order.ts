import { BtfError } from '../errors.ts'
import type { Btf } from './btf.ts'
import { Budget } from './c-budget.ts'
import { allIds } from './c-names.ts'
import type { TypeId } from './types.ts'

/** A declaration that is to be written: of the whole type, or only that there is one of that name. */
export interface CUnit {
  readonly id: TypeId
  readonly isForward: boolean
}

/** As deep as types without names may be in each other. */
const depthLimit = 64

/**
 * The types of a blob in an order in which C takes them: what a type holds is defined before it; of what it only points to
 * the name is known. Definitions come by id otherwise, so that equal blobs give equal text.
 *
 * @throws BtfError for types that wait for each other, which C cannot write.
 */
export function* cOrder(btf: Btf, nameOf: (id: TypeId) => string): Generator<CUnit> {
  const order = new Order(btf, nameOf)
  for (const id of unitsOf(btf)) yield* order.define(id)
}

/** What is written by itself: all that has a name, and enumerations without one that no type has in it. */
function* unitsOf(btf: Btf): Generator<TypeId> {
  const held = new Set<TypeId>()
  for (const id of allIds(btf)) {
    const type = btf.type(id)
    if ('members' in type) for (const member of type.members) held.add(member.type)
    else if ('params' in type)
      for (const one of [type.returnType, ...type.params.map(({ type }) => type)]) held.add(one)
    else if ('elementType' in type) held.add(type.elementType)
    else if ('type' in type && type.kind !== 'decl_tag') held.add(type.type)
  }
  for (const id of btf.ids()) {
    const kind = btf.kindOf(id)
    const hasName = btf.nameOf(id) !== ''
    if (hasName ? isUnit(kind) || kind === 'fwd' : (kind === 'enum' || kind === 'enum64') && !held.has(id))
      yield id
  }
}

function isUnit(kind: string): boolean {
  return kind === 'struct' || kind === 'union' || kind === 'enum' || kind === 'enum64' || kind === 'typedef'
}

type Need = { readonly id: TypeId; readonly isForward: boolean }

interface Frame {
  readonly id: TypeId
  readonly needs: readonly Need[]
  next: number
}

class Order {
  readonly #btf: Btf
  readonly #nameOf: (id: TypeId) => string
  readonly #budget: Budget
  readonly #state = new Map<TypeId, 'open' | 'done'>()
  readonly #forwards = new Set<string>()

  constructor(btf: Btf, nameOf: (id: TypeId) => string) {
    this.#btf = btf
    this.#nameOf = nameOf
    this.#budget = new Budget(btf)
  }

  /** Depth first, with a stack of its own: the depth is whatever the blob says. */
  *define(start: TypeId): Generator<CUnit> {
    const stack: Frame[] = []
    const open = (id: TypeId): void => {
      this.#state.set(id, 'open')
      stack.push({ id, needs: this.#needsOf(id), next: 0 })
    }
    if (this.#btf.kindOf(start) === 'fwd') {
      yield* this.#forward(start)
      return
    }
    if (!this.#state.has(start)) open(start)
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const need = top.needs[top.next++]
      if (!need) {
        this.#state.set(top.id, 'done')
        yield { id: top.id, isForward: false }
        stack.pop()
      } else if (need.isForward) {
        yield* this.#forward(need.id)
      } else if (this.#state.get(need.id) === 'open') {
        throw new BtfError(this.#btf.records.place(need.id), 'cannot be written in C: it waits for itself')
      } else if (!this.#state.has(need.id)) {
        open(need.id)
      }
    }
  }

  *#forward(id: TypeId): Generator<CUnit> {
    if (this.#state.get(id) === 'done') return
    const type = this.#btf.type(id)
    const name = `${type.kind === 'fwd' ? type.of : type.kind} ${this.#nameOf(id)}`
    if (this.#forwards.has(name)) return
    this.#forwards.add(name)
    yield { id, isForward: true }
  }

  #needsOf(id: TypeId): readonly Need[] {
    const needs: Need[] = []
    const type = this.#btf.type(id)
    if (type.kind === 'typedef') this.#collect(type.type, false, needs, 0)
    else if ('members' in type) for (const member of type.members) this.#collect(member.type, true, needs, 0)
    return needs
  }

  /** @param isWhole is its size needed, or only its name? */
  #collect(id: TypeId, isWhole: boolean, needs: Need[], depth: number): void {
    this.#budget.spend(id)
    if (depth > depthLimit) {
      throw new BtfError(this.#btf.records.place(id), `is nested more than ${depthLimit} deep`)
    }
    const type = this.#btf.type(id)
    const follow = (target: TypeId, whole: boolean): void => this.#collect(target, whole, needs, depth + 1)
    switch (type.kind) {
      case 'ptr':
        follow(type.type, false)
        return
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        follow(type.type, isWhole)
        return
      case 'array':
        // an array of what is not complete is no type, whatever points to it
        follow(type.elementType, true)
        return
      case 'func_proto':
        follow(type.returnType, false)
        for (const param of type.params) if (param.type !== 0) follow(param.type, false)
        return
      case 'typedef':
        needs.push({ id, isForward: false })
        // its name may be there before what it stands for is
        if (isWhole) follow(type.type, true)
        return
      case 'enum':
      case 'enum64':
        if (type.name !== '') needs.push({ id, isForward: false })
        return
      case 'fwd':
        needs.push({ id, isForward: true })
        return
      case 'struct':
      case 'union':
        if (type.name !== '') needs.push({ id, isForward: !isWhole })
        else for (const member of type.members) follow(member.type, true)
        return
      default:
        return
    }
  }
}
