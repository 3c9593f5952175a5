import { BpfError } from '../errors.ts'
import type { Anchor, Order } from '../spec/targets.ts'
import { type LinkOrder, settledPath } from '../syscall/index.ts'
import { type Descriptor, openPinOf } from './descriptor.ts'

/** Flags of BPF_LINK_CREATE (include/uapi/linux/bpf.h). */
const BPF_F_BEFORE = 1 << 3
const BPF_F_AFTER = 1 << 4
const BPF_F_ID = 1 << 5
const BPF_F_LINK = 1 << 13

/** An order as the kernel takes it. */
export interface OrderArguments {
  readonly flags: number
  readonly order: LinkOrder
}

/** Is anything said about the order? */
export function hasOrder({ before, after, revision }: Order): boolean {
  return before !== undefined || after !== undefined || revision !== undefined
}

/**
 * Calls with an order as the kernel takes it (kernel/bpf/mprog.c); the pin of an anchor is open meanwhile.
 *
 * @throws BpfError `ERR_VALUE` for two anchors at once, or a revision that cannot be.
 */
export function withOrder<T>(asked: Order, doing: string, use: (order: OrderArguments) => T): T {
  const { before, after, revision } = asked
  if (before !== undefined && after !== undefined) {
    throw new BpfError(`${doing}: it can be before or after others, not both`, { code: 'ERR_VALUE' })
  }
  if (revision !== undefined && !(Number.isSafeInteger(revision) && revision > 0)) {
    // the kernel takes 0 for "any"
    throw new BpfError(`${doing}: ${revision} is no revision of a list: they count from 1`, {
      code: 'ERR_VALUE',
    })
  }
  const anchor = before ?? after
  const place = anchor === undefined ? 0 : before === undefined ? BPF_F_AFTER : BPF_F_BEFORE
  const expected = revision === undefined ? {} : { expectedRevision: revision }
  if (anchor === undefined || anchor === 'all') return use({ flags: place, order: expected })
  const [kind, idOrPin] = anchored(anchor)
  const flags = place | (kind === 'link' ? BPF_F_LINK : 0)
  if (typeof idOrPin === 'number')
    return use({ flags: flags | BPF_F_ID, order: { ...expected, relative: idOrPin } })
  using pin: Descriptor = openPinOf(kind, idOrPin, doing)
  return use({ flags, order: { ...expected, relative: pin.fd } })
}

/** The same with the pins of its anchors as any process finds them. */
export function lastingOrder<T extends Order>(target: T): T {
  const lasting = (anchor: Anchor | 'all'): Anchor | 'all' => {
    if (anchor === 'all') return anchor
    const [kind, idOrPin] = anchored(anchor)
    const place = typeof idOrPin === 'string' ? settledPath(idOrPin) : idOrPin
    return kind === 'link' ? { link: place } : { program: place }
  }
  const { before, after } = target
  return {
    ...target,
    ...(before === undefined ? {} : { before: lasting(before) }),
    ...(after === undefined ? {} : { after: lasting(after) }),
  }
}

/** @throws BpfError `ERR_VALUE` for what is neither a link nor a program. */
function anchored(anchor: Anchor): readonly [kind: 'link' | 'program', idOrPin: number | string] {
  // what a program without types could give
  const given: unknown = anchor
  if (typeof given === 'object' && given !== null) {
    const [[kind, place] = [], ...others] = Object.entries(given)
    const isPlace = (typeof place === 'number' && Number.isSafeInteger(place) && place > 0) || isText(place)
    if (others.length === 0 && isPlace && (kind === 'link' || kind === 'program')) return [kind, place]
  }
  throw new BpfError(`${JSON.stringify(given)} is nothing to be attached before or after`, {
    code: 'ERR_VALUE',
    hint: "it is 'all', { program: ID or pin }, or { link: ID or pin }",
  })
}

function isText(place: unknown): place is string {
  return typeof place === 'string' && place !== ''
}

/** What the kernel's answers mean where an order was asked for. */
export const orderHints: Readonly<Record<string, string>> = {
  ESTALE: 'the programs there have changed: their list has another revision',
  ENOENT: 'the program or link that it is to be before or after is not there',
  EEXIST: 'the program is attached there already',
  ERANGE: 'as many programs as can be are attached there',
}
