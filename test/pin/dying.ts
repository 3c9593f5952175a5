// Ends what it runs as SIGKILL ends a process, without a process, which takes half a second to start. From the moment of death
// no system call reaches the kernel any more, whatever is undone or closed on the way out; then everything that was opened
// since goes, as the kernel does it for one that died. killed-truly.kernel.test.ts holds this against real processes.
import type { Step } from '../../src/index.ts'
import { watchSteps } from '../../src/pin/index.ts'
import { closeFd, type InterceptedCall, interceptSyscalls } from '../../src/syscall/index.ts'
import { munmap } from '../../src/syscall/memory.ts'
import { type MadeObjects, openFiles } from './kernel-state.ts'

/** Right after which of its steps, or of its system calls, something dies; they count from 1. */
export type Moment =
  | {
      readonly after: 'call'
      readonly n: number
      /** Only calls of such names count. */
      readonly like?: RegExp
    }
  | {
      readonly after: 'step'
      readonly n: number
      /** Only these steps count. */
      readonly like?: Step['do']
    }

/** What is run until it dies. */
export interface Mortal {
  /** What comes now counts. */
  begin(): void
  /** Closed at the end by who did not die. */
  keep<T extends { close(): void }>(item: T): T
}

/** Thrown by every call of what is dead. No code of ours catches it, as it is no BpfError. */
class Death extends Error {}

/** Runs something until it dies; `false` if it came to its end before. */
export function dies(moment: Moment, run: (mortal: Mortal) => void, made?: MadeObjects): boolean {
  const before = new Set(openFiles())
  const mapped = new Map<number, number>()
  const kept: { close(): void }[] = []
  let isDead = false
  let left = Number.POSITIVE_INFINITY
  const count = (): void => {
    if (--left > 0) return
    isDead = true
    throw new Death()
  }
  const revive = withoutFinalizers()
  interceptSyscalls(call => {
    if (isDead) throw new Death()
    const result = call.make()
    noteMapped(mapped, call, result)
    made?.note(call, result, `what died after ${moment.after} ${moment.n}`)
    if (moment.after === 'call' && (moment.like?.test(call.name) ?? true)) count()
    return result
  })
  if (moment.after === 'step') {
    watchSteps(step => {
      if (moment.like === undefined || moment.like === step.do) count()
    })
  }
  try {
    const begin = (): void => {
      left = moment.n
    }
    const keep = <T extends { close(): void }>(item: T): T => {
      kept.push(item)
      return item
    }
    run({ begin, keep })
  } catch (error) {
    if (!isDead) throw error
  } finally {
    interceptSyscalls(undefined)
    watchSteps(undefined)
    revive()
  }
  if (isDead) letGo(before, mapped)
  else for (const item of kept) item.close()
  return isDead
}

function noteMapped(mapped: Map<number, number>, { name, args }: InterceptedCall, result: number): void {
  if (result < 0) return
  if (name === 'mmap') mapped.set(result, args[1]!)
  else if (name === 'munmap') mapped.delete(args[0]!)
}

/** In the kernel's order: memory first, then descriptors from the lowest to the highest (kernel/exit.c: do_exit). */
function letGo(before: ReadonlySet<string>, mapped: ReadonlyMap<number, number>): void {
  for (const [address, length] of mapped) munmap(address, length)
  const opened = openFiles().filter(file => !before.has(file))
  for (const fd of opened.map(Number.parseFloat).sort((a, b) => a - b)) closeFd(fd)
}

/** The dead do not close later, when what they held is collected, what has the numbers of their descriptors by then. */
function withoutFinalizers(): () => void {
  const { register } = FinalizationRegistry.prototype
  FinalizationRegistry.prototype.register = () => {}
  return () => {
    FinalizationRegistry.prototype.register = register
  }
}
