import { type InterceptedCall, interceptSyscalls } from '../src/syscall/index.ts'
import { type ErrnoName, numbers } from './errnos.ts'

/** What the kernel says where something is forbidden, or where there is no more of it. */
export const errnos = { EPERM: 1, EMFILE: 24, ENOSPC: 28, ENOMEM: 12 } as const

/** What gives something back does so whatever it says (close(2): the descriptor is gone). */
const gives = /^(close|munmap)$/

/** Runs something with its n-th system call failing, and returns the name of that call; `undefined` if it makes fewer. */
export function failing(n: number, errno: number, run: () => void): string | undefined {
  let seen = 0
  let failed: string | undefined
  interceptSyscalls(({ name, path }: InterceptedCall) => {
    if (gives.test(name) || ++seen !== n) return undefined
    failed = path === undefined ? name : `${name} ${path}`
    return -errno
  })
  try {
    run()
  } finally {
    interceptSyscalls(undefined)
  }
  return failed
}

/** A call that was made to fail. */
export interface Fault {
  readonly call: string
  readonly path: string | undefined
  readonly errno: ErrnoName
}

export interface Faulty {
  /** Which call fails, from 1. */
  readonly n: number
  /** With what, by its name. */
  choose(call: string): ErrnoName
  /** Is told of every call that is made, and of what came of it. */
  onResult?(call: InterceptedCall, result: number): void
}

/** Runs something of which one call fails; `undefined` where it makes fewer. Those that close count, too. */
export function faulted(
  { n, choose, onResult }: Faulty,
  run: (begin: () => void) => void,
): Fault | undefined {
  let left = Number.POSITIVE_INFINITY
  let fault: Fault | undefined
  interceptSyscalls(call => {
    const isIt = --left === 0
    if (isIt) fault = { call: call.name, path: call.path, errno: choose(call.name) }
    const isMade = !isIt || gives.test(call.name)
    const result = isMade ? call.make() : 0
    if (isMade) onResult?.(call, result)
    return fault && isIt ? -numbers[fault.errno] : result
  })
  try {
    run(() => {
      left = n
    })
  } finally {
    interceptSyscalls(undefined)
  }
  return fault
}
