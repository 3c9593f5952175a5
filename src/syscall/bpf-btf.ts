import { address, at, clearAttr, clearResult, get64, getText, listLength, put64, u32 } from './arena.ts'
import { command, btfInfo as infoAt, btfLoad as loadAt } from './attr.generated.ts'
import { infoByFd } from './bpf-object.ts'
import { type LogBuffer, type Logged, withLog } from './kernel-log.ts'
import { addressOf, holding } from './memory.ts'
import { withPermission } from './token.ts'

const tokenField = { fd: loadAt.btf_token_fd, flags: loadAt.btf_flags }

/** BPF_BTF_LOAD; the result is a descriptor. Linux 4.18. */
export function btfLoad(btf: Uint8Array, log?: LogBuffer): number {
  return holding([btf, log], () => {
    clearAttr(loadAt.size_)
    put64(loadAt.btf, addressOf(btf))
    u32[loadAt.btf_size >> 2] = btf.length
    if (log !== undefined) {
      put64(loadAt.btf_log_buf, addressOf(log.bytes))
      u32[loadAt.btf_log_size >> 2] = log.bytes.length
      u32[loadAt.btf_log_level >> 2] = log.level
    }
    return withPermission(command.BPF_BTF_LOAD, loadAt.size_, tokenField)
  })
}

/** Loads again to learn why it failed, with as much room for the log as it takes. */
export function btfLoadLogged(btf: Uint8Array): Logged {
  return withLog(log => ({ result: btfLoad(btf, log), wanted: u32[loadAt.btf_log_true_size >> 2]! }), 1)
}

export interface BtfInfo {
  readonly id: number
  /** `'vmlinux'` or a module; empty for what a program brought. Linux 5.11. */
  readonly name: string
  readonly isKernel: boolean
  /** Bytes. */
  readonly size: number
}

/** What a BTF descriptor is, or a negative errno. */
export function btfInfo(fd: number): BtfInfo | number {
  clearResult(infoAt.size_)
  put64(at.result + infoAt.name, address(at.list))
  u32[(at.result + infoAt.name_len) >> 2] = listLength
  const result = infoByFd(fd, infoAt.size_)
  if (result < 0) return result
  const hasName = u32[(at.result + infoAt.name_len) >> 2]! > 0 && get64(at.result + infoAt.name) !== 0
  return {
    id: u32[(at.result + infoAt.id) >> 2]!,
    name: hasName ? getText(at.list, listLength) : '',
    isKernel: u32[(at.result + infoAt.kernel_btf) >> 2] !== 0,
    size: u32[(at.result + infoAt.btf_size) >> 2]!,
  }
}

/** The types themselves, or a negative errno. */
export function btfBytes(fd: number): Uint8Array | number {
  const info = btfInfo(fd)
  if (typeof info === 'number') return info
  const bytes = new Uint8Array(info.size)
  const result = holding(bytes, () => {
    clearResult(infoAt.size_)
    put64(at.result + infoAt.btf, addressOf(bytes))
    u32[(at.result + infoAt.btf_size) >> 2] = bytes.length
    return infoByFd(fd, infoAt.size_)
  })
  return result < 0 ? result : bytes
}
