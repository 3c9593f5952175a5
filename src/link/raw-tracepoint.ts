import { rawTracepointOpen } from '../syscall/index.ts'
import { attachError, type Family } from './family.ts'

/** raw_tp: a tracepoint with its arguments as they are. Linux 4.17; as a link that can be pinned 5.8, cookies 6.10. */
export const rawTracepoint: Family<'hook'> = {
  kind: 'hook',
  wants: 'the name of a tracepoint',
  takesCookie: true,
  attach({ spec, fd, doing }, { hook }) {
    const { cookie = 0 } = spec.link
    const link = rawTracepointOpen(hook, fd, cookie)
    if (link >= 0) return { fd: link }
    throw attachError(link, 'bpf(BPF_RAW_TRACEPOINT_OPEN)', {
      doing,
      since: cookie === 0 ? undefined : '6.10',
      hints: { ENOENT: `this kernel has no tracepoint '${hook}'` },
    })
  },
}
