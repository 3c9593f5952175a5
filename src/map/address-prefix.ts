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

/** As URLs have them, which node reads and writes by the same rules (RFC 4291, RFC 5952). */
function readV6(text: string): Uint8Array | undefined {
  const short = URL.canParse(`http://[${text}]`)
    ? new URL(`http://[${text}]`).hostname.slice(1, -1)
    : undefined
  if (short === undefined) return undefined
  const [left = '', right = ''] = short.split('::')
  const [head, tail] = [groupsOf(left), groupsOf(right)]
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0)
  return Uint8Array.from([...head, ...zeros, ...tail].flatMap(group => [group >> 8, group & 0xff]))
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16))
}

function textOfV6(address: Uint8Array): string {
  const view = new DataView(address.buffer, address.byteOffset)
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
