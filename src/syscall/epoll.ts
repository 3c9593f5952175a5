import { address, at, get53, listLength, put64, u32 } from './arena.ts'
import { call3, call6 } from './gate.ts'

/** struct epoll_event is packed on x86 only (include/uapi/linux/eventpoll.h). */
const isPacked = process.arch === 'x64'
const eventSize = isPacked ? 12 : 16
const dataOffset = isPacked ? 4 : 8
const EPOLLIN = 1
const EPOLLET = 0x8000_0000
const control = { ADD: 1, DELETE: 2 } as const

/** A descriptor that is readable while one of its members is. */
export function epollCreate(): number {
  const EPOLL_CLOEXEC = 0o2000000
  return call3('epoll_create1', EPOLL_CLOEXEC, 0, 0)
}

/**
 * Watches for input, of which is told once when it comes, and not again and again while nobody takes it. Adding twice is
 * -EEXIST; a file that cannot be polled is -EPERM.
 */
export function epollAdd(epollFd: number, fd: number): number {
  u32[at.result >> 2] = EPOLLIN | EPOLLET
  if (isPacked) {
    u32[(at.result + dataOffset) >> 2] = fd
    u32[(at.result + dataOffset + 4) >> 2] = 0
  } else {
    put64(at.result + dataOffset, fd)
  }
  return call6('epoll_ctl', epollFd, control.ADD, fd, address(at.result), 0, 0)
}

export function epollDelete(epollFd: number, fd: number): number {
  return call6('epoll_ctl', epollFd, control.DELETE, fd, 0, 0, 0)
}

/** The members that input came to, waiting at most `timeout` ms (0: not at all, -1: for ever); or a negative errno. */
export function epollWait(epollFd: number, timeout: number): number[] | number {
  const most = Math.floor(listLength / eventSize)
  const count = call6('epoll_pwait', epollFd, address(at.list), most, timeout, 0, 8)
  if (count < 0) return count
  return Array.from({ length: count }, (_, i) => {
    const data = at.list + i * eventSize + dataOffset
    return isPacked ? u32[data >> 2]! : get53(data)
  })
}
