import { attachTypes } from '../spec/kernel.ts'
import { linkCreate } from '../syscall/index.ts'
import { attachError, type Family } from './family.ts'
import { chosenAtLoad } from './hook.ts'
import { openRawTracepoint } from './raw-tracepoint.ts'

const EINVAL = -22

/** tp_btf, fentry, fexit, fmod_ret and LSM: the hook was chosen by its BTF id when the program was loaded. Linux 5.5. */
export const tracing: Family<'hook'> = {
  kind: 'hook',
  wants: 'the name of a hook',
  takesCookie: true,
  complete: chosenAtLoad,
  attach({ spec, fd, doing }) {
    const { attachType = 'trace_raw_tp', link } = spec
    // by BPF_LINK_CREATE a kernel without cookies of tracepoints would leave the cookie out and say nothing
    if (attachType === 'trace_raw_tp') return openRawTracepoint(null, fd, link.cookie, { doing })
    const made = linkCreate({
      fd,
      attachType: attachTypes[attachType],
      detail: { kind: 'tracing', cookie: link.cookie ?? 0 },
    })
    if (made >= 0) return { fd: made }
    // before Linux 5.18 this was the only way, without a cookie
    if (made === EINVAL && link.cookie === undefined) {
      return openRawTracepoint(null, fd, undefined, { doing, hints })
    }
    throw attachError(made, 'bpf(BPF_LINK_CREATE)', {
      doing,
      since: link.cookie === undefined ? undefined : '5.18',
      hints,
    })
  },
}

/** kernel/bpf/trampoline.c: __bpf_trampoline_link_prog */
const hints = {
  EBUSY: 'the program is attached already, or another program replaces the function (freplace)',
  E2BIG: 'as many programs as can be are at this hook',
  ENOTSUPP: 'this kernel cannot attach programs to its functions (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)',
}
