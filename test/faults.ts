import { type InterceptedCall, type Interceptor, interceptSyscalls } from '../src/syscall/index.ts'
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

/** Where the library makes a call: who calls whom, as a number. A loop makes all its calls at one site. */
export type Site = number

export interface Faulty {
  /** The call of which site fails. */
  readonly site: Site
  /** Which of those that are made there, from 1. */
  readonly nth: number
  readonly errno: ErrnoName
  /** Is told of every call that is made, and of what came of it. */
  onResult?(call: InterceptedCall, result: number): void
}

/** Runs something through {@link operate} of which one call fails; `undefined` where it makes no such call. Those that close count, too. */
export function faulted(
  { site, nth, errno, onResult }: Faulty,
  run: (begin: () => void) => void,
): Fault | undefined {
  let left = nth
  let fault: Fault | undefined
  let hasBegun = false
  const begin = (): void => {
    hasBegun = true
  }
  observed(
    call => {
      const isIt = hasBegun && left > 0 && thisSite() === site && --left === 0
      if (isIt) fault = { call: call.name, path: call.path, errno }
      const isMade = !isIt || gives.test(call.name)
      const result = isMade ? call.make() : 0
      if (isMade) onResult?.(call, result)
      return isIt ? -numbers[errno] : result
    },
    () => run(begin),
  )
  return fault
}

/** Calls that are made at one site. */
export interface SiteCalls {
  readonly call: string
  readonly count: number
}

/** Runs something through {@link operate}, and tells where it made which calls, in the order in which they were first made. */
export function sitesOf(run: (begin: () => void) => void): Map<Site, SiteCalls> {
  const sites = new Map<Site, SiteCalls>()
  let hasBegun = false
  const begin = (): void => {
    hasBegun = true
  }
  observed(
    ({ name }) => {
      if (!hasBegun) return undefined
      const site = thisSite()
      sites.set(site, { call: name, count: (sites.get(site)?.count ?? 0) + 1 })
      return undefined
    },
    () => run(begin),
  )
  return sites
}

/** Of the library, from the call outwards. What is further away several operations have in common, and do for other reasons. */
const frames = 9

/** Of who is being intercepted. V8 is asked for positions alone, as text for each of thousands of calls takes seconds. */
function thisSite(): Site {
  const { prepareStackTrace, stackTraceLimit } = Error
  Error.stackTraceLimit = frames + 2
  Error.prepareStackTrace = (_, [, ...stack]) => {
    let site = 7
    let caller = 0
    for (const frame of stack) {
      // the operation itself is left out: what several do they do at one site
      if (frame.getFunctionName() === operate.name) break
      site = (Math.imul(site, 31) + caller) | 0
      caller = frame.getPosition()
    }
    return site
  }
  const taken: { stack?: unknown } = {}
  Error.captureStackTrace(taken, thisSite)
  const site = taken.stack as number // made above
  Error.prepareStackTrace = prepareStackTrace
  Error.stackTraceLimit = stackTraceLimit
  return site
}

/** Runs an operation of which sites are to be told: who called this is no part of them. */
export function operate<Argument, Result>(
  operation: { run(argument: Argument): Result },
  argument: Argument,
): Result {
  return operation.run(argument)
}

function observed(intercept: Interceptor, run: () => void): void {
  interceptSyscalls(intercept)
  try {
    run()
  } finally {
    interceptSyscalls(undefined)
  }
}
