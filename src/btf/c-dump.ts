import type { Btf } from './btf.ts'
import { cOrder } from './c-order.ts'
import { CTypes } from './c-type.ts'

/** Words of later C, which a header for all of them declares for those before. */
const laterWords: ReadonlySet<string> = /* @__PURE__ */ new Set(['bool', 'true', 'false'])

/**
 * The types of a blob as a C header that a BPF program can include, `vmlinux.h`: compiled, each struct and union has the size
 * and the places of members that BTF says. Accesses to what is in it are relocatable (CO-RE) unless
 * `BPF_NO_PRESERVE_ACCESS_INDEX` is defined. Types of equal names are told apart by a flavour, `name___2`.
 *
 * In pieces, as that of a kernel has megabytes.
 *
 * @throws BtfError for what breaks the rules of BTF, and for what C cannot write.
 */
export function* cDeclarations(btf: Btf): Generator<string> {
  btf.base?.check()
  btf.check()
  const types = new CTypes(btf)
  yield opening
  for (const { id, isForward } of cOrder(btf, one => types.names.of(one))) {
    if (isForward) yield `${types.forward(id)}\n`
    else yield guarded(btf, id, `${types.define(id)}\n`)
  }
  yield closing
}

function guarded(btf: Btf, id: number, text: string): string {
  const type = btf.type(id)
  const names = 'values' in type ? type.values.map(({ name }) => name) : [type.name]
  if (!names.some(name => laterWords.has(name))) return text
  return `#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L\n${text}#endif\n\n`
}

const opening = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

`

const closing = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
`
