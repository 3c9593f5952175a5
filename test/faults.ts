import { type InterceptedCall, interceptSyscalls } from '../src/syscall/index.ts'

/** What the kernel says where something is forbidden, or where there is no more of it. */
export const errnos = { EPERM: 1, EMFILE: 24, ENOSPC: 28, ENOMEM: 12 } as const

/** Every call but those that give something back, which do so whatever they say. */
const calls = /^(?!close|munmap)/

/** Runs something with its n-th system call failing, and returns the name of that call; `undefined` if it makes fewer. */
export function failing(n: number, errno: number, run: () => void): string | undefined {
  let seen = 0
  let failed: string | undefined
  interceptSyscalls(({ name, path }: InterceptedCall) => {
    if (!calls.test(name) || ++seen !== n) return undefined
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
