import type { Command } from './command.ts'
import { commands, type Listed } from './commands.ts'

/** A command with what the list says of it. */
export interface Declared extends Command, Omit<Listed, 'load'> {
  readonly name: string
}

/** All of one command; `undefined` where there is none of that name. */
export async function declared(name: string): Promise<Declared | undefined> {
  const listed = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!listed) return undefined
  const { summary, operands, load } = listed
  return { ...(await load()), name, summary, operands }
}

/** What every command says of itself: the manual and completions are made of it. */
export async function declarations(): Promise<Declared[]> {
  const all = await Promise.all(Object.keys(commands).map(declared))
  return all.filter(command => command !== undefined)
}

/** `pin OBJECT`, `ls [NAME|PATH]`: a command with its operands. */
export function usageOf(name: string, { operands }: Pick<Listed, 'operands'>): string {
  const words = operands.map(({ name, isOptional, isRepeatable }) => {
    const each = isRepeatable ? `${name}...` : name
    return isOptional ? `[${each}]` : each
  })
  return [name, ...words].join(' ')
}
