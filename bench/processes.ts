import type { Contestants } from './contestant.ts'

/** Runs a command to its end; milliseconds. */
export type Timed = (...command: readonly string[]) => Promise<number>

/** Processes are started and timed by a small program in C: starting one takes node itself longer than what is measured. */
export function wholeProcess(contestants: Contestants): Timed {
  return async (...command) =>
    1000 * (await contestants.peer('processes').ask({ operation: 'run', file: command.join() }))
}
