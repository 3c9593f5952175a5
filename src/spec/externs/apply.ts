import { type Instructions, pseudo } from '../instructions.ts'
import { type Poisoned, poison } from '../poison.ts'
import type { Reference } from '../references.ts'
import type { ResolvedExtern } from './resolve.ts'

export type ExternReference = Extract<Reference, { readonly kind: 'extern' }>

/**
 * Writes what the kernel has for a name into the instruction that uses it (include/uapi/linux/bpf.h: BPF_PSEUDO_BTF_ID,
 * BPF_PSEUDO_KFUNC_CALL). Without anything the instruction stays as it is.
 *
 * @returns why the instruction is poisoned, if it is: a call of what there is none of
 */
export function applyExtern(
  code: Instructions,
  at: number,
  { name, isCall }: ExternReference,
  found: ResolvedExtern | undefined,
): Poisoned | undefined {
  if (!found) return undefined
  if (!isCall) {
    load(code, at, found)
  } else if (found.kind === 'type') {
    code.setSourceRegister(at, pseudo.KFUNC_CALL)
    code.setOffset(at, found.btfIndex)
    code.setImmediate(at, found.id)
  } else if (found.kind === 'missing') {
    code.setCall(at, poison.kernelFunction + found.index)
    return {
      needs: () => `kernel function '${name}': ${found.why}`,
      hint: `ask first: if (bpf_ksym_exists(${name})) ...`,
    }
  }
  return undefined
}

function load(code: Instructions, at: number, found: ResolvedExtern): void {
  if (found.kind === 'type') {
    code.setSourceRegister(at, pseudo.BTF_ID)
    code.setImmediate(at, found.id)
    code.setImmediate(at + 1, found.btfFd)
    return
  }
  const address = found.kind === 'address' ? found.address : 0n
  code.setImmediate(at, Number(BigInt.asIntN(32, address)))
  code.setImmediate(at + 1, Number(BigInt.asIntN(32, address >> 32n)))
}
