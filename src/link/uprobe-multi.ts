import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import { functionOffsets } from './binary-offsets.ts'
import { findBinary, lastingPath } from './binary-path.ts'
import { createLink, type Family } from './family.ts'
import { isReturnProbe } from './probe.ts'
import { mustBeProcess } from './process.ts'
import { uprobeHints } from './uprobe.ts'

const BPF_F_UPROBE_MULTI_RETURN = 1

/** uprobe.multi, uretprobe.multi: many places of one binary by one link. Linux 6.6; uprobe.session, both ends of each, 6.13. */
export const uprobeMulti: Family<'binary'> = {
  kind: 'binary',
  wants: "functions of a program ('path:pattern')",
  takesCookie: true,
  lacks: (_, { symbol, offset }) =>
    [symbol ?? [], offset ?? []].flat().length === 0 ? 'symbols or offsets in the program' : undefined,
  complete(target, spec) {
    const { name, section } = spec
    mustBeProcess(spec, target.pid)
    if (target.symbol !== undefined && target.offset !== undefined) {
      throw new BpfError(`program '${name}' (SEC("${section}")): it takes symbols or offsets, not both`, {
        code: 'ERR_VALUE',
      })
    }
    return { ...target, binary: lastingPath(target.binary) }
  },
  attach({ spec, fd, doing }, { binary, symbol, offset, pid }) {
    const path = findBinary(binary, doing)
    const offsets =
      symbol === undefined ? [offset ?? []].flat() : functionOffsets(path, [symbol].flat(), doing)
    const { cookie } = spec.link
    const attachType = spec.attachType ?? 'trace_uprobe_multi'
    return createLink(
      {
        fd,
        attachType: attachTypes[attachType],
        detail: {
          kind: 'uprobe_multi',
          path,
          offsets: BigUint64Array.from(offsets, BigInt),
          flags: isReturnProbe(spec) ? BPF_F_UPROBE_MULTI_RETURN : 0,
          ...(pid === undefined ? {} : { pid }),
          ...(cookie === undefined ? {} : { cookies: new BigUint64Array(offsets.length).fill(cookie) }),
        },
      },
      { doing, path, since: attachType === 'trace_uprobe_session' ? '6.13' : '6.6', hints: uprobeHints },
    )
  },
}
