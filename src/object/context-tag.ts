import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { BtfWriter } from '../btf/index.ts'
import { programTypes } from '../spec/kernel.ts'
import { Assembler, r0, r1 } from '../spec/sweep/assembler.ts'
import { btfLoad, closeFd, progLoad } from '../syscall/index.ts'

let known: boolean | undefined

/**
 * Does the verifier know `__arg_ctx` (Linux 6.8, and kernels of distributions that took it over)? Asked once, by a program
 * that says so of a `void *`.
 */
export function kernelKnowsContextTag(): boolean {
  return (known ??= tryTag())
}

/** For tests, on a kernel that knows the tag: do as on one that does not, or find out again. */
export function assumeContextTag(assumed: boolean | undefined): void {
  known = assumed
}

function tryTag(): boolean {
  const writer = new BtfWriter({ littleEndian: machineIsLittleEndian })
  const int = writer.add({
    ...{ kind: 'int', name: 'int', size: 4, signed: true, char: false, bool: false },
    ...{ bits: 32, bitOffset: 0 },
  })
  const pointer = writer.add({ kind: 'ptr', name: '', type: 0 })
  const prototype = writer.add({
    ...{ kind: 'func_proto', name: '', returnType: int },
    params: [{ name: 'ctx', type: pointer }],
  })
  const program = writer.add({ kind: 'func', name: 'asked', type: prototype, linkage: 'global' })
  const called = writer.add({ kind: 'func', name: 'tagged', type: prototype, linkage: 'global' })
  writer.add({ kind: 'decl_tag', name: 'arg:ctx', type: called, component: 0, attribute: false })
  const btfFd = btfLoad(writer.finish())
  if (btfFd < 0) return false
  const code = new Assembler()
  const sub = code.label()
  code.callFunction(sub)
  code.exit()
  code.place(sub)
  code.load(4, r0, r1, 0) // __sk_buff.len, which only a context has
  code.exit()
  const rows = Uint32Array.of(0, program, code.placeOf(sub), called)
  const fd = progLoad({
    ...{ type: programTypes.socket_filter, license: 'GPL', instructions: code.finish(), btfFd },
    functionInfo: { recordSize: 8, bytes: new Uint8Array(rows.buffer) },
  })
  closeFd(btfFd)
  if (fd >= 0) closeFd(fd)
  return fd >= 0
}
