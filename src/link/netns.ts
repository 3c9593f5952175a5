import { attachTypes } from '../spec/kernel.ts'
import { settledPath } from '../syscall/index.ts'
import { openForReading } from './descriptor.ts'
import { createLink, type Family } from './family.ts'

/** The network namespace of the process that attaches, whichever that is. */
const own = '/proc/self/ns/net'

/** sk_lookup (Linux 5.9) and flow_dissector (as a link 5.8): a network namespace. */
export const netns: Family<'netns'> = {
  kind: 'netns',
  wants: "the file of a network namespace ('/run/netns/blue')",
  byDefault: { netns: own },
  complete: target => ({ netns: settledPath(target.netns) }),
  attach({ spec, fd, doing }, { netns: path }) {
    using file = openForReading(path, doing)
    return createLink(
      { fd, target: file.fd, attachType: attachTypes[spec.attachType ?? 'sk_lookup'] },
      {
        doing,
        path,
        since: spec.attachType === 'flow_dissector' ? '5.8' : '5.9',
        hints: {
          EINVAL: 'that is no file of a network namespace',
          EEXIST: 'a flow dissector is there already; one of the first namespace serves all others',
          E2BIG: 'as many programs as can be are attached there',
        },
      },
    )
  },
}
