import { address, at, clearResult, putText, u32 } from './arena.ts'
import { ENODEV } from './errno.ts'
import { closeFd } from './files.ts'
import { call3 } from './gate.ts'

/** include/uapi/linux/sockios.h */
const SIOCGIFINDEX = 0x8933
/** Length of a name in struct ifreq, NUL included (include/uapi/linux/if.h); the index follows it. */
const IFNAMSIZ = 16
const ifreqSize = 40

/**
 * The index of a network interface, in the network namespace of this process, or a negative errno. /sys/class/net shows
 * the namespace of whoever mounted it, which may be another.
 */
export function interfaceIndex(name: string): number {
  const AF_UNIX = 1
  const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
  // the kernel asks every kind of socket for the interfaces; this kind needs no protocol
  const socket = call3('socket', AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (socket < 0) return socket
  clearResult(ifreqSize)
  const fits = putText(at.result, name, IFNAMSIZ) >= 0
  const result = fits ? call3('ioctl', socket, SIOCGIFINDEX, address(at.result)) : ENODEV
  const index = u32[(at.result + IFNAMSIZ) >> 2]!
  closeFd(socket)
  return result < 0 ? result : index
}
