import { rawTracepointOpen } from '../syscall/index.ts'
import { type AboutLink, type Attachment, attachError, type Family } from './family.ts'

/** raw_tp: a tracepoint with its arguments as they are. Linux 4.17; as a link that can be pinned 5.8, cookies 6.10. */
export const rawTracepoint: Family<'hook'> = {
  kind: 'hook',
  wants: 'the name of a tracepoint',
  takesCookie: true,
  attach({ spec, fd, doing }, { hook }) {
    const hints = { ENOENT: `this kernel has no tracepoint '${hook}'` }
    return openRawTracepoint(hook, fd, spec.link.cookie, { doing, hints })
  },
}

/** BPF_RAW_TRACEPOINT_OPEN; without a name for programs that were loaded for their hook. */
export function openRawTracepoint(
  name: string | null,
  program: number,
  cookie: bigint | undefined,
  about: AboutLink,
): Attachment {
  const fd = rawTracepointOpen(name, program, cookie)
  if (fd >= 0) return { fd }
  throw attachError(fd, 'bpf(BPF_RAW_TRACEPOINT_OPEN)', {
    ...about,
    since: cookie === undefined ? undefined : '6.10',
  })
}
