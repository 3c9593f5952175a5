import { attachTypes } from '../spec/kernel.ts'
import { linkCreate, systemError } from '../syscall/index.ts'
import { type Family, hookOf, wantsHook } from './family.ts'

/**
 * tp_btf, fentry, fexit, fmod_ret and LSM: the hook was chosen by its BTF id when the program was loaded. Linux 5.5,
 * by BPF_LINK_CREATE 5.18.
 */
export const tracing: Family = {
  wants: spec => wantsHook(spec, 'the name of a hook'),
  attach({ spec, fd }) {
    const hook = hookOf(spec)
    const link = linkCreate({
      fd,
      attachType: attachTypes[spec.attachType ?? 'trace_raw_tp'],
      detail: { kind: 'tracing', cookie: spec.link.cookie ?? 0 },
    })
    if (link >= 0) return { fd: link, target: { hook } }
    throw systemError(link, 'bpf(BPF_LINK_CREATE)', {
      doing: `attaching program '${spec.name}' to '${hook}'`,
      since: '5.18',
    })
  },
}
