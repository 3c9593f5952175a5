import { BpfError } from '../errors.ts'
import type { Step } from '../plan/steps.ts'
import { Bench } from './bench.ts'
import type { Removal, Workshop } from './workshop.ts'

let watcher: ((step: Step) => void) | undefined

/** For tests: is told of each step after it was carried out, and may end the process there. */
export function watchSteps(watch: ((step: Step) => void) | undefined): void {
  watcher = watch
}

export interface ApplyOptions {
  /** `false` for removals, which cannot be taken back: what is left of them the next call finishes. */
  readonly undo?: boolean
  /** These are the steps after the commit of an upgrade: there is only forward. */
  readonly isCommitted?: boolean
}

/**
 * Carries out steps in order. When one fails, those before it are undone, last first, and only what this call did.
 */
export function applySteps(
  steps: readonly Step[],
  workshop: Workshop,
  { undo = true, isCommitted = false }: ApplyOptions = {},
): Removal {
  const bench = new Bench(workshop, isCommitted)
  try {
    for (const step of steps) {
      bench.carryOut(step)
      watcher?.(step)
    }
    return { removed: bench.removed, left: bench.left, dead: bench.dead, held: bench.held }
  } catch (error) {
    if (undo && !isCommitted) bench.undo()
    throw isCommitted ? unfinished(error) : error
  } finally {
    bench.close()
  }
}

/** What failed after the commit: the next call goes on from there. */
function unfinished(cause: unknown): unknown {
  if (!(cause instanceof BpfError)) return cause
  const { code, errno, syscall, path } = cause
  const text = `the new generation is in place, but the upgrade is not finished: ${cause.message}`
  return new BpfError(text, {
    code,
    cause,
    ...(errno === undefined ? {} : { errno }),
    ...(syscall === undefined ? {} : { syscall }),
    ...(path === undefined ? {} : { path }),
    hint: 'the next call that changes the object finishes it',
  })
}
