import { BtfWriter } from '../../btf/index.ts'
import type { SweepProgram } from './sweep.ts'

/** The types that the kernel wants of functions whose address is taken (kernel/bpf/verifier.c: check_ld_imm). */
export function describeFunctions(starts: readonly number[]): Pick<SweepProgram, 'btf' | 'functionInfo'> {
  const writer = new BtfWriter()
  const int = { kind: 'int', size: 4, char: false, bool: false, bits: 32, bitOffset: 0 } as const
  const signed = writer.add({ ...int, name: 'int', signed: true })
  const unsigned = writer.add({ ...int, name: 'unsigned int', signed: false })
  const pointer = writer.add({ kind: 'ptr', name: '', type: 0 })
  const entryType = writer.add({
    kind: 'func_proto',
    name: '',
    returnType: signed,
    params: [{ name: 'context', type: pointer }],
  })
  const calledType = writer.add({
    kind: 'func_proto',
    name: '',
    returnType: signed,
    params: [
      { name: 'index', type: unsigned },
      { name: 'context', type: pointer },
    ],
  })
  const rows = starts.flatMap((start, i) => {
    const name = ['sweep', 'visit', 'compare_cpu'][i] ?? `function_${i}`
    const linkage = i === 0 ? 'global' : 'static'
    return [start, writer.add({ kind: 'func', name, type: i === 0 ? entryType : calledType, linkage })]
  })
  return { btf: writer.finish(), functionInfo: new Uint8Array(Uint32Array.from(rows).buffer) }
}
