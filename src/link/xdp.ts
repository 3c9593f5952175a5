import { attachTypes } from '../spec/kernel.ts'
import type { XdpMode } from '../spec/targets.ts'
import { createLink, type Family } from './family.ts'
import { indexOf, refuse } from './interface.ts'

/** XDP_FLAGS_* (include/uapi/linux/if_link.h). */
const modes: Readonly<Record<XdpMode, number>> = { generic: 1 << 1, native: 1 << 2, offload: 1 << 3 }

/** xdp and xdp.frags: the packets that an interface receives. Linux 5.9. */
export const xdp: Family<'interface'> = {
  kind: 'interface',
  wants: 'a network interface',
  complete(target, spec) {
    refuse(spec, target, 'before', 'after', 'revision')
    return target
  },
  attach({ fd, doing }, target) {
    return createLink(
      {
        fd,
        target: indexOf(target, doing),
        attachType: attachTypes.xdp,
        flags: target.mode === undefined ? 0 : modes[target.mode],
      },
      {
        doing,
        since: '5.9',
        hints: {
          EBUSY: 'an XDP program is attached to that interface already, and there is one only',
          EEXIST: 'an XDP program is attached to that interface already, in another mode',
          EOPNOTSUPP: "the interface's driver cannot do this: { mode: 'generic' } works with any",
          EINVAL: 'there is no interface of that index in the network namespace of this process',
        },
      },
    )
  },
}
