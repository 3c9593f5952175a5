import type { Command } from './command.ts'
import { commands } from './commands.ts'

/** A command with its name. */
export interface Declared extends Pick<Command, 'summary' | 'operands' | 'options' | 'details'> {
  readonly name: string
}

/** What every command says of itself: help, the manual and completions are made of it. */
export function declarations(): Promise<Declared[]> {
  return Promise.all(Object.entries(commands).map(async ([name, load]) => ({ ...(await load()), name })))
}

/** `pin OBJECT`, `ls [NAME|PATH]`: a command with its operands. */
export function usageOf({ name, operands }: Pick<Declared, 'name' | 'operands'>): string {
  const words = operands.map(({ name, isOptional, isRepeatable }) => {
    const each = isRepeatable ? `${name}...` : name
    return isOptional ? `[${each}]` : each
  })
  return [name, ...words].join(' ')
}
