import { attachTypes } from '../spec/kernel.ts'
import { linkCreate } from '../syscall/index.ts'
import { attachError, type Family } from './family.ts'
import { kernelFunctions, untraceable } from './kernel-functions.ts'
import { isReturnProbe } from './probe.ts'

const BPF_F_KPROBE_MULTI_RETURN = 1

/** The kernel's answers to a name that it does not have among those that it can probe. */
const notFound: ReadonlySet<number> = /* @__PURE__ */ new Set([
  -2 /* ENOENT */, -3 /* ESRCH */, -22 /* EINVAL */,
])

/** kprobe.multi and kretprobe.multi: many functions by one link. Linux 5.18; kprobe.session, both ends of each, 6.10. */
export const kprobeMulti: Family<'functions'> = {
  kind: 'functions',
  wants: 'names or patterns of kernel functions',
  takesCookie: true,
  lacks: (_, { functions }) => (functions.length === 0 ? 'names or patterns of kernel functions' : undefined),
  attach({ spec, fd, doing }, target) {
    const asked = typeof target.functions === 'string' ? [target.functions] : target.functions
    const functions = kernelFunctions(asked, doing)
    const { cookie } = spec.link
    const attachType = spec.attachType ?? 'trace_kprobe_multi'
    const link = linkCreate({
      fd,
      attachType: attachTypes[attachType],
      detail: {
        kind: 'kprobe_multi',
        functions,
        flags: isReturnProbe(spec) ? BPF_F_KPROBE_MULTI_RETURN : 0,
        ...(cookie === undefined ? {} : { cookies: new BigUint64Array(functions.length).fill(cookie) }),
      },
    })
    if (link >= 0) return { fd: link }
    const missing =
      notFound.has(link) && !(functions instanceof BigUint64Array) && untraceable(functions, doing)
    if (missing) throw missing
    throw attachError(link, 'bpf(BPF_LINK_CREATE)', {
      doing,
      since: attachType === 'trace_kprobe_session' ? '6.10' : '5.18',
      hints: {
        EOPNOTSUPP: 'this kernel has no fprobe: CONFIG_FPROBE',
        ENOTSUPP: 'this kernel has no fprobe: CONFIG_FPROBE',
      },
    })
  },
}
