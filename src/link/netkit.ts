import type { Family } from './family.ts'
import { attachInOrder, ordered } from './tcx.ts'

/** netkit/primary and netkit/peer: what goes through a pair of netkit interfaces, named by the primary. Linux 6.7. */
export const netkit: Family<'interface'> = {
  kind: 'interface',
  wants: 'a netkit interface',
  complete: ordered,
  attach: (program, target) =>
    attachInOrder(program, target, 'netkit', {
      since: '6.7',
      hints: {
        ENXIO: 'that interface is no netkit',
        EACCES: 'that interface is the peer: programs of both are attached to the primary',
      },
    }),
}
