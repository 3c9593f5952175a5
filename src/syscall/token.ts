import { at, clearAttr, u8, u32 } from './arena.ts'
import { command, tokenCreate as createAt } from './attr.generated.ts'
import { EACCES, EPERM } from './errno.ts'
import { closeFd, openFile, openFlag } from './files.ts'
import { bpf } from './gate.ts'

// A BPF token lets a process without capabilities of its own make BPF objects: one in a user namespace, for which whoever
// mounted its bpffs said (delegate_cmds, delegate_maps, delegate_progs, delegate_attachs) what it may. Linux 6.9.

const BPF_F_TOKEN_FD = 0x10000

const defaultPlace = '/sys/fs/bpf'
const added = new Set<string>()

/** Takes tokens also from the bpffs that is mounted there, for the rest of the process. */
export function takeTokensFrom(path: string): void {
  added.add(path)
}

/** As others do: this variable has a path, or is empty for "no token". */
function places(): string[] {
  const named = process.env.LIBBPF_BPF_TOKEN_PATH ?? defaultPlace
  return [...added, ...(named === '' ? [] : [named])]
}

/** BPF_TOKEN_CREATE of what is mounted at a path; a descriptor, which is the caller's to close, or a negative errno. */
export function tokenCreate(path: string): number {
  const bpffs = openFile(path, openFlag.RDONLY | openFlag.DIRECTORY)
  if (bpffs < 0) return bpffs
  clearAttr(createAt.size_)
  u32[createAt.bpffs_fd >> 2] = bpffs
  const token = bpf(command.BPF_TOKEN_CREATE, createAt.size_)
  closeFd(bpffs)
  return token
}

/** Where a command of bpf(2) takes a token: offsets of its descriptor and of the flags that say that there is one. */
export interface TokenField {
  readonly fd: number
  readonly flags: number
}

/**
 * Makes a call that is prepared in the arena; where it is not permitted, once more with a token for it, if one can be had.
 * Nobody pays for tokens who needs none.
 */
export function withPermission(cmd: number, size: number, field: TokenField): number {
  const result = bpf(cmd, size)
  return result === EPERM || result === EACCES ? byToken(result, cmd, size, field) : result
}

function byToken(refused: number, cmd: number, size: number, field: TokenField): number {
  const prepared = u8.slice(at.attr, at.attr + size)
  let result = refused
  for (const place of places()) {
    const token = tokenCreate(place)
    if (token < 0) continue
    u8.set(prepared, at.attr)
    u32[field.fd >> 2] = token
    u32[field.flags >> 2]! |= BPF_F_TOKEN_FD
    result = bpf(cmd, size)
    closeFd(token)
    if (result !== EPERM) break
  }
  return result
}
