import type { Btf, TypeId } from '../../btf/index.ts'

/** What a value of the kernel's configuration is read as: `tristate` is y, n or m, `char` a letter or a number. */
export type KconfigForm = 'bool' | 'char' | 'int' | 'tristate' | 'string'

/** The enum of <bpf/bpf_helpers.h>: 0 no, 1 yes, 2 module. */
const tristate = 'libbpf_tristate'

/** What a variable of this type takes; `undefined` for types of which there is no value. */
export function kconfigForm(
  btf: Btf,
  id: TypeId,
): { readonly form: KconfigForm; readonly isSigned: boolean } | undefined {
  const type = btf.resolve(id)
  switch (type.kind) {
    case 'int':
      if (type.bool) return type.size === 1 ? { form: 'bool', isSigned: false } : undefined
      if (type.size === 1) return { form: 'char', isSigned: type.signed }
      return [2, 4, 8].includes(type.size) ? { form: 'int', isSigned: type.signed } : undefined
    case 'enum':
      return type.name === tristate && type.size === 4 ? { form: 'tristate', isSigned: false } : undefined
    case 'enum64':
      return type.name === tristate ? { form: 'tristate', isSigned: false } : undefined
    case 'array': {
      const element = btf.resolve(type.elementType)
      const isText = type.length > 0 && element.kind === 'int' && element.size === 1 && !element.bool
      return isText ? { form: 'string', isSigned: false } : undefined
    }
    default:
      return undefined
  }
}
