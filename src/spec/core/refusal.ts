import { BpfError } from '../../errors.ts'

/** What is wrong with a relocation; who resolves it says which one it is. */
export function refusal(problem: string): BpfError {
  return new BpfError(problem, { code: 'ERR_CORE' })
}
