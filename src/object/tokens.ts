import { existsSync } from 'node:fs'
import { closeFd, settledPath, systemError, takeTokensFrom, tokenCreate } from '../syscall/index.ts'

/** Where tokens are taken from that permit this process what it has no capabilities for. */
export interface TokenPlace {
  /** Where the bpffs is mounted. */
  readonly path: string
}

/** Names a bpffs that is to give tokens, to the whole process: nothing is asked of it before one is needed. */
export function tokenPlace(path: string): TokenPlace {
  const settled = settledPath(path)
  takeTokensFrom(settled)
  return { path: settled }
}

/** @throws BpfError with the kernel's errno where a place that was named gives no token. */
export function checkTokens({ path }: TokenPlace): void {
  const token = tokenCreate(path)
  if (token < 0) {
    throw systemError(token, 'bpf(BPF_TOKEN_CREATE)', {
      ...{ doing: 'taking a BPF token', path, since: '6.9' },
      hint: existsSync(path) ? reasons[-token] : undefined,
    })
  }
  closeFd(token)
}

/** kernel/bpf/token.c: bpf_token_create */
const reasons: Readonly<Record<number, string>> = {
  1: 'a token is for a process with CAP_BPF in the user namespace that the bpffs was mounted in',
  2: 'whoever mounted that bpffs delegated nothing: mount -t bpf -o delegate_cmds=any,delegate_maps=any,...',
  22: 'a token is had of the place where a bpffs is mounted, not of a directory in it',
  95: 'outside of user namespaces there are no tokens: capabilities are enough here',
}
