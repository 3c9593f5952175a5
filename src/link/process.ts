import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'

/**
 * @throws BpfError `ERR_VALUE` for what is the number of no process or thread: by 0 and -1 calls of the kernel mean the
 * caller, or everybody.
 */
export function mustBeProcess({ name }: LinkOwner, pid: number | undefined): void {
  if (pid === undefined || (Number.isInteger(pid) && pid > 0 && pid < 2 ** 31)) return
  throw new BpfError(`program '${name}': the target is for process ${pid}: their numbers are 1 and more`, {
    code: 'ERR_VALUE',
    hint: 'leave it out for all processes',
  })
}
