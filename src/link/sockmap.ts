import { type AttachType, attachTypes } from '../spec/kernel.ts'
import { createLink, type Family } from './family.ts'
import { withMap } from './target-map.ts'

/** sk_skb and sk_msg: the sockets in a sockmap or sockhash. Linux 6.10; older kernels attach without a link. */
export const sockmap: Family<'map'> = {
  kind: 'map',
  wants: 'a sockmap or sockhash',
  attach(program, { map }) {
    const { spec, fd, doing } = program
    return withMap(program, map, target =>
      createLink(
        // families are told apart by attach type: it has one
        { fd, target, attachType: attachTypes[spec.attachType as AttachType] },
        {
          doing,
          since: '6.10',
          hints: {
            EINVAL: 'that map is no sockmap or sockhash',
            EBUSY: 'a program of this kind is attached to that map already',
          },
        },
      ),
    )
  },
}
