import { attachTypes } from '../spec/kernel.ts'
import {
  closeFd,
  EINVAL,
  linkCreate,
  type PerfEventOptions,
  perfEventOpen,
  perfEventSetBpf,
} from '../syscall/index.ts'
import { type AboutLink, type Attaching, type Attachment, attachError } from './family.ts'

/** Where nothing else is asked for: one event that counts for every process, on every CPU (as probes do). */
export const everywhere = { pid: -1, cpu: 0 } as const

/** Opens a perf event and runs a program on it. Linux 4.7; as a link that can be pinned, and with cookies, 5.15. */
export function attachToPerfEvent(
  program: Attaching,
  event: PerfEventOptions,
  about: Omit<AboutLink, 'doing'> = {},
): Attachment {
  const { doing } = program
  const fd = perfEventOpen(event)
  if (fd < 0) throw attachError(fd, 'perf_event_open', { ...about, doing })
  const made = runOn(program, fd)
  // the link holds the event from now on
  if (typeof made === 'number' || made.fd !== fd) closeFd(fd)
  if (typeof made !== 'number') return made
  throw attachError(made, 'bpf(BPF_LINK_CREATE)', {
    doing,
    since: '5.15',
    // kernel/trace/bpf_trace.c: BPF_TRACE_MAX_PROGS
    hints: { E2BIG: 'as many programs as can be (64) are attached there' },
  })
}

function runOn({ spec, fd }: Attaching, event: number): Attachment | number {
  const { cookie } = spec.link
  const link = linkCreate({
    fd,
    target: event,
    attachType: attachTypes.perf_event,
    detail: { kind: 'perf_event', cookie: cookie ?? 0 },
  })
  if (link >= 0) return { fd: link }
  // older kernels have no link for it: the event itself holds the program, for as long as it is open
  if (link !== EINVAL || cookie !== undefined || perfEventSetBpf(event, fd) < 0) return link
  return { fd: event, unpinnable: 'the kernel has links for perf events since Linux 5.15 only' }
}
