import type { OpenPinnedOptions } from '../api/pinned-object.ts'
import type { Option, Request } from './command.ts'
import { UsageError } from './command-line.ts'

/** For commands that write to what is pinned, or take from it: what another user pinned under a name may be a trap. */
export const ownerOption: Readonly<Record<'owner', Option>> = {
  owner: { value: 'UID', text: "also what this user pinned, by his number, or 'any'; default root and you" },
}

/** @throws UsageError for what is neither a number nor `any`. */
export function readOwner(command: string, { owner }: Request['options']): Pick<OpenPinnedOptions, 'owner'> {
  if (owner === undefined) return {}
  if (owner === 'any') return { owner }
  if (/^\d{1,10}$/.test(String(owner))) return { owner: Number(owner) }
  const problem = `option '--owner' takes the number of a user, or any, not '${owner}'`
  throw new UsageError(`${command}: ${problem}`, `${command} --help`)
}
