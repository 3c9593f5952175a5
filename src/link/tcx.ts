import { type AttachType, attachTypes } from '../spec/kernel.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { InterfaceTarget } from '../spec/targets.ts'
import { type AboutLink, type Attaching, type Attachment, createLink, type Family } from './family.ts'
import { indexOf, refuse } from './interface.ts'
import { lastingOrder, orderHints, withOrder } from './order.ts'

/** tcx/ingress and tcx/egress: packets that an interface receives or sends, several programs in order. Linux 6.6. */
export const tcx: Family<'interface'> = {
  kind: 'interface',
  wants: 'a network interface',
  complete: ordered,
  attach: (program, target) => attachInOrder(program, target, 'tcx', { since: '6.6' }),
}

/** What tcx and netkit have of a target. */
export function ordered(target: InterfaceTarget, spec: LinkOwner): InterfaceTarget {
  refuse(spec, target, 'mode')
  return lastingOrder(target)
}

/** A link to an interface that has a list of programs. */
export function attachInOrder(
  { spec, fd, doing }: Attaching,
  target: InterfaceTarget,
  kind: 'tcx' | 'netkit',
  { since, hints }: Omit<AboutLink, 'doing'>,
): Attachment {
  const index = indexOf(target, doing)
  return withOrder(target, doing, ({ flags, order }) =>
    createLink(
      // families are told apart by attach type: it has one
      {
        fd,
        target: index,
        attachType: attachTypes[spec.attachType as AttachType],
        flags,
        detail: { kind, ...order },
      },
      {
        doing,
        since,
        hints: {
          ...orderHints,
          ENODEV: 'there is no interface of that index in the network namespace of this process',
          ...hints,
        },
      },
    ),
  )
}
