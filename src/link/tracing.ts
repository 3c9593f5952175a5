import { attachTypes } from '../spec/kernel.ts'
import { linkCreate, rawTracepointOpen } from '../syscall/index.ts'
import { attachError, type Family } from './family.ts'
import { chosenAtLoad } from './hook.ts'

const EINVAL = -22

/** tp_btf, fentry, fexit, fmod_ret and LSM: the hook was chosen by its BTF id when the program was loaded. Linux 5.5. */
export const tracing: Family<'hook'> = {
  kind: 'hook',
  wants: 'the name of a hook',
  takesCookie: true,
  complete: chosenAtLoad,
  attach({ spec, fd, doing }) {
    const { cookie } = spec.link
    const link = linkCreate({
      fd,
      attachType: attachTypes[spec.attachType ?? 'trace_raw_tp'],
      detail: { kind: 'tracing', cookie: cookie ?? 0 },
    })
    if (link >= 0) return { fd: link }
    // before Linux 5.18 this was the only way, without a cookie
    const old = link === EINVAL && cookie === undefined ? rawTracepointOpen(null, fd) : link
    if (old >= 0) return { fd: old }
    throw attachError(link, 'bpf(BPF_LINK_CREATE)', {
      doing,
      since: cookie === undefined ? undefined : '5.18',
      hints: {
        EBUSY: 'the program is attached already, or as many programs as can be are at this hook',
        ENOTSUPP:
          'this kernel cannot attach programs to its functions (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)',
      },
    })
  },
}
