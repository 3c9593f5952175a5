import type { ParseArgsConfig, parseArgs } from 'node:util'

/**
 * What a command was given. With `--help` it prints its usage and ends, and what it does not know ends it with exit code 2, both before
 * anything is done.
 */
export function commandLine<const T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>>

/** The number of an option, or {@link refuse}. */
export function numberOf(name: string, text: string, least?: number): number

/** Says what is wrong with the command line, and ends with exit code 2. */
export function refuse(why: string): never
