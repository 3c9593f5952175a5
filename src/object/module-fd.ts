import { BpfError } from '../errors.ts'
import { btfGetFdById, btfGetNextId, btfInfo, closeFd, ENOENT, systemError } from '../syscall/index.ts'

/**
 * A descriptor of the types that the kernel holds of a module, which is the caller's to close: BPF_PROG_LOAD takes those
 * of a module by that only. Needs CAP_SYS_ADMIN.
 *
 * @param doing for errors: `"loading program 'on_read'"`
 * @throws BpfError `ERR_NO_TARGET` where no such module is loaded, else with the kernel's errno.
 */
export function openModuleBtf(module: string, doing: string): number {
  const about = { doing: `${doing}: opening the types of module '${module}'` }
  for (let id = btfGetNextId(0); id !== ENOENT; id = btfGetNextId(id)) {
    if (id < 0) throw systemError(id, 'bpf(BPF_BTF_GET_NEXT_ID)', about)
    const fd = btfGetFdById(id)
    if (fd === ENOENT) continue // gone meanwhile
    if (fd < 0) throw systemError(fd, 'bpf(BPF_BTF_GET_FD_BY_ID)', about)
    const info = btfInfo(fd)
    if (typeof info !== 'number' && info.isKernel && info.name === module) return fd
    closeFd(fd)
    if (typeof info === 'number') throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', about)
  }
  throw new BpfError(`${about.doing}: the kernel holds no types of it`, {
    code: 'ERR_NO_TARGET',
    hint: `was it unloaded? modprobe ${module}`,
  })
}
