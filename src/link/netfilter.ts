import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import type { NetfilterHook } from '../spec/targets.ts'
import { createLink, type Family } from './family.ts'

/** NFPROTO_* and NF_INET_* (include/uapi/linux/netfilter.h). */
const families = { ipv4: 2, ipv6: 10 } as const
const hooks: Readonly<Record<NetfilterHook, number>> = {
  pre_routing: 0,
  local_in: 1,
  forward: 2,
  local_out: 3,
  post_routing: 4,
}
const BPF_F_NETFILTER_IP_DEFRAG = 1

/** netfilter: a hook of the network namespace that the process is in. Linux 6.4. */
export const netfilter: Family<'netfilter'> = {
  kind: 'netfilter',
  wants: "a hook of netfilter ('ipv4:local_in:-100')",
  complete(target, { name }) {
    const { priority = 0, family, netfilter: hook } = target
    if (!Object.hasOwn(families, family) || !Object.hasOwn(hooks, hook)) {
      throw new BpfError(`program '${name}': netfilter has no hook '${family}:${hook}'`, {
        code: 'ERR_VALUE',
        hint: `families: ${Object.keys(families).join(', ')}; hooks: ${Object.keys(hooks).join(', ')}`,
      })
    }
    if ((priority | 0) === priority) return { ...target, priority }
    throw new BpfError(`program '${name}': priority ${priority} of a netfilter hook is no 32-bit integer`, {
      code: 'ERR_VALUE',
    })
  },
  attach({ fd, doing }, { netfilter: hook, family, priority = 0, defrag = false }) {
    return createLink(
      {
        fd,
        attachType: attachTypes.netfilter,
        detail: {
          kind: 'netfilter',
          protocolFamily: families[family],
          hook: hooks[hook],
          priority,
          flags: defrag ? BPF_F_NETFILTER_IP_DEFRAG : 0,
        },
      },
      {
        doing,
        since: defrag ? '6.6' : '6.4',
        hints: {
          EBUSY: 'something is at that hook with the same priority: choose another',
          ERANGE: defrag
            ? 'the priority must be above -400, at which fragments are put together'
            : 'the lowest and the highest priority are for the kernel itself',
          EOPNOTSUPP:
            'this kernel cannot defragment here: the module nf_defrag_ipv4 or nf_defrag_ipv6 is missing',
        },
      },
    )
  },
}
