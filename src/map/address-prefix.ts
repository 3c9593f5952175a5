import { BpfError } from '../errors.ts'

/** The first so many bits of an IP address. */
export interface AddressPrefix {
  /** 4 bytes or 16, in the order of the network. */
  readonly address: Uint8Array
  readonly length: number
}

/**
 * Reads `10.0.0.0/8` or `2001:db8::/32`; an address alone is all of its bits.
 *
 * @param size of the addresses, 4 bytes or 16: an IPv4 address is none of IPv6
 * @throws BpfError `ERR_VALUE`
 */
export function parsePrefix(text: string, size: number): AddressPrefix {
  const [, host = '', bits] = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const address = host.includes(':') ? readV6(host) : readV4(host)
  const wrong = (why: string): BpfError =>
    new BpfError(`'${text}' is no prefix: ${why}`, { code: 'ERR_VALUE' })
  if (!address) throw wrong(`it is written as in '${size === 4 ? '10.0.0.0/8' : '2001:db8::/32'}'`)
  if (address.length !== size) {
    throw wrong(
      `the keys are IPv${size === 4 ? 4 : 6}${size === 16 ? `, where IPv4 may be ::ffff:${host}` : ''}`,
    )
  }
  const length = bits === undefined ? 8 * size : Number(bits)
  if (length > 8 * size) throw wrong(`it has ${length} bits of ${8 * size}`)
  const first = cut(address, length)
  if (first.some((byte, i) => byte !== address[i])) {
    throw wrong(
      `there are bits behind the first ${length}; is ${prefixText({ address: first, length })} meant?`,
    )
  }
  return { address, length }
}

/** As people write it: IPv6 by RFC 5952. */
export function prefixText({ address, length }: AddressPrefix): string {
  return `${address.length === 4 ? address.join('.') : textOfV6(address)}/${length}`
}

/** With zeros behind so many bits. */
function cut(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(length - 8 * i, 0), 8)))
}

function readV4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  // a number that begins with 0 is octal to some and decimal to others
  const isRight =
    parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  return isRight ? Uint8Array.from(parts, Number) : undefined
}

function readV6(text: string): Uint8Array | undefined {
  const [left = '', right, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const [head, tail] = [groupsOf(left, right === undefined), groupsOf(right ?? '', true)]
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  if (right === undefined ? missing !== 0 : missing < 2) return undefined
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail])
}

/** The bytes of `a:b:c`, or at the end of an address `a:b:1.2.3.4`. */
function groupsOf(text: string, isEnd: boolean): number[] | undefined {
  const bytes: number[] = []
  const groups = text === '' ? [] : text.split(':')
  for (const [i, group] of groups.entries()) {
    const v4 = isEnd && i === groups.length - 1 && group.includes('.') ? readV4(group) : undefined
    if (v4) bytes.push(...v4)
    else if (/^[\da-f]{1,4}$/i.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff)
    else return undefined
  }
  return bytes
}

function textOfV6(address: Uint8Array): string {
  const isMapped =
    address.subarray(0, 10).every(byte => byte === 0) && address[10] === 0xff && address[11] === 0xff
  if (isMapped) return `::ffff:${address.subarray(12).join('.')}`
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  )
  // the longest run of zeros, the first of equal ones, two at least
  const runs = `:${groups.join(':')}:`.match(/(?<=:)0(:0)+(?=:)/g) ?? []
  const longest = runs.reduce((long, run) => (run.length > long.length ? run : long), '')
  const text = groups.join(':')
  if (longest === '') return text
  const at = `:${text}:`.indexOf(`:${longest}:`)
  return `${text.slice(0, Math.max(at - 1, 0))}::${text.slice(at + longest.length + 1)}`
}
