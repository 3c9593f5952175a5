import { rawTracepointOpen, systemError } from '../syscall/index.ts'
import { type Family, hookOf, wantsHook } from './family.ts'

/** raw_tp: a tracepoint with its arguments as they are. Linux 4.17; as a link that can be pinned 5.8. */
export const rawTracepoint: Family = {
  wants: spec => wantsHook(spec, 'the name of a tracepoint'),
  attach({ spec, fd }) {
    const hook = hookOf(spec)
    const link = rawTracepointOpen(hook, fd, spec.link.cookie ?? 0)
    if (link >= 0) return { fd: link, target: { hook } }
    throw systemError(link, 'bpf(BPF_RAW_TRACEPOINT_OPEN)', {
      doing: `attaching program '${spec.name}' to raw tracepoint '${hook}'`,
    })
  },
}
