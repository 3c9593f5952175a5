import { BpfError } from '../errors.ts'
import { type AttachType, attachTypes } from '../spec/kernel.ts'
import type { CgroupTarget } from '../spec/targets.ts'
import { settledPath } from '../syscall/index.ts'
import { openDirectory } from './descriptor.ts'
import { type Attaching, type Attachment, createLink, type Family } from './family.ts'
import { hasOrder, lastingOrder, orderHints, withOrder } from './order.ts'

const BPF_F_PREORDER = 1 << 6

/**
 * All program types that attach to a cgroup v2 directory. Linux 5.7. Programs of the cgroups below run first, and all run
 * (BPF_F_ALLOW_MULTI, which is implied in a link).
 */
export const cgroup: Family<'cgroup'> = {
  kind: 'cgroup',
  wants: 'a cgroup directory',
  lacks: ({ attachType }) =>
    attachType === undefined ? "an attach type ('cgroup_inet_ingress', ...)" : undefined,
  complete(target, { name }) {
    refuseProgram(target, name)
    return { ...lastingOrder(target), cgroup: settledPath(target.cgroup) }
  },
  attach: (program, target) => attach(program, target, '5.7'),
}

/** lsm_cgroup: an LSM hook, for the processes of a cgroup. Linux 6.0. */
export const lsmCgroup: Family<'cgroup'> = {
  ...cgroup,
  attach: (program, target) => attach(program, target, '6.0'),
}

/** In a cgroup links stand among links only (kernel/bpf/cgroup.c: get_prog_list). */
function refuseProgram({ before, after }: CgroupTarget, name: string): void {
  const anchor = before ?? after
  if (anchor === undefined || anchor === 'all' || 'link' in anchor) return
  throw new BpfError(`program '${name}': in a cgroup it can be before or after a link, not a program`, {
    code: 'ERR_VALUE',
  })
}

/** An older kernel does not look at the revision, but it refuses every flag: behind all others is where links go anyway. */
function guarded(target: CgroupTarget): CgroupTarget {
  const { before, after, revision } = target
  return revision === undefined || before !== undefined || after !== undefined
    ? target
    : { ...target, after: 'all' }
}

function attach({ spec, fd, doing }: Attaching, target: CgroupTarget, since: string): Attachment {
  const path = target.cgroup
  using directory = openDirectory(path, doing)
  return withOrder(guarded(target), doing, ({ flags, order }) =>
    createLink(
      {
        fd,
        target: directory.fd,
        // it lacks nothing
        attachType: attachTypes[spec.attachType as AttachType],
        flags: flags | (target.preorder ? BPF_F_PREORDER : 0),
        detail: { kind: 'cgroup', ...order },
      },
      {
        doing,
        path,
        // kernel/bpf/syscall.c: bpf_prog_attach_check_attach_type; the others were asked when they were loaded
        capabilities: spec.type === 'cgroup_skb' ? ['NET_ADMIN'] : [],
        since: hasOrder(target) ? '6.17' : target.preorder ? '6.15' : since,
        hints: {
          ...orderHints,
          EBADF: 'that directory is no cgroup v2',
          EPERM: 'a program is attached there, or above, that allows no other (BPF_F_ALLOW_OVERRIDE, none)',
        },
      },
    ),
  )
}
