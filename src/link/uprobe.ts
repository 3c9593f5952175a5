import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { BinaryTarget } from '../spec/targets.ts'
import { functionOffset } from './binary-offsets.ts'
import { findBinary, lastingPath } from './binary-path.ts'
import type { Family } from './family.ts'
import { attachProbe, isReturnProbe } from './probe.ts'
import { mustBeProcess } from './process.ts'

/** uprobe and uretprobe: one place in a program or library. Linux 4.17, as a link 5.15. */
export const uprobe: Family<'binary'> = {
  kind: 'binary',
  wants: "a place in a program ('path:symbol')",
  takesCookie: true,
  lacks: (_, { symbol, offset }) =>
    symbol === undefined && offset === undefined ? 'a symbol or an offset in the program' : undefined,
  complete(target, spec) {
    onePlace(target, spec)
    mustBeProcess(spec, target.pid)
    return { ...target, binary: lastingPath(target.binary) }
  },
  attach(program, target) {
    const { doing } = program
    const path = findBinary(target.binary, doing)
    const { symbol, offset: inSymbol = 0 } = onePlace(target, program.spec)
    const offset = (symbol === undefined ? 0 : functionOffset(path, symbol, doing)) + inSymbol
    const about = {
      path,
      hints: { ...uprobeHints, EINVAL: `no instruction starts at byte 0x${offset.toString(16)}` },
    }
    return attachProbe(program, 'uprobe', { name: path, offset, pid: target.pid }, about)
  },
}

export const uprobeHints: Readonly<Record<string, string>> = {
  ESRCH: 'there is no such process',
  EIO: 'nothing can be probed on the file system of that file',
}

/** @throws BpfError `ERR_VALUE` for what only the multi forms take. */
function onePlace(
  { symbol, offset }: BinaryTarget,
  spec: LinkOwner,
): { readonly symbol: string | undefined; readonly offset: number | undefined } {
  const refuse = (problem: string): BpfError =>
    new BpfError(`program '${spec.name}' (SEC("${spec.section}")): ${problem}`, { code: 'ERR_VALUE' })
  if (Array.isArray(symbol) || Array.isArray(offset))
    throw refuse('it has one place, not a list: use uprobe.multi')
  if (isReturnProbe(spec) && symbol !== undefined && offset)
    throw refuse('a uretprobe takes no offset in a function')
  // what is no list is one
  return { symbol: symbol as string | undefined, offset: offset as number | undefined }
}
