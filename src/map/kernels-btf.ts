import { type Btf, parseBtf } from '../btf/index.ts'
import { btfBytes, btfGetFdById, closeFd } from '../syscall/index.ts'

/** Types by their kernel id, which needs CAP_SYS_ADMIN (kernel/bpf/syscall.c: bpf_btf_get_fd_by_id); without it a map's entries are bytes. */
export function kernelsBtf(id: number): Btf | undefined {
  const fd = btfGetFdById(id)
  if (fd < 0) return undefined
  const bytes = btfBytes(fd)
  closeFd(fd)
  return typeof bytes === 'number' ? undefined : parseBtf(bytes, { where: `BTF of the map (id ${id})` })
}
