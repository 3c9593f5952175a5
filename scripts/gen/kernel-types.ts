import type { Btf, BtfComposite, BtfEnum } from '../../src/btf/index.ts'

/** A struct or union that the kernel must have. */
export function compositeOf(btf: Btf, name: string, kind: 'struct' | 'union'): BtfComposite {
  const found = btf.find(name, kind)
  if (found === undefined) throw new Error(`the kernel has no ${kind} ${name}`)
  return found
}

/** A named enum, or an unnamed one by an enumerator that only it has. */
export function enumOf(btf: Btf, nameOrEnumerator: string): BtfEnum {
  const named = btf.find(nameOrEnumerator, 'enum')
  if (named !== undefined) return named
  for (const id of btf.ids('enum')) {
    const type = btf.type(id)
    if (type.kind === 'enum' && type.values.some(({ name }) => name === nameOrEnumerator)) return type
  }
  throw new Error(`the kernel has no enum ${nameOrEnumerator}`)
}
