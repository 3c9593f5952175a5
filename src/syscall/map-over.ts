import { loadedNative } from './native.ts'
import { numbersFor } from './numbers.ts'

/** f_type of sysfs (include/uapi/linux/magic.h). */
const SYSFS_MAGIC = 0x62656572n

const PROT_READ = 1
const PROT_WRITE = 2
const MAP_PRIVATE = 2
const MAP_FIXED = 0x10
const MAP_ANONYMOUS = 0x20

/**
 * Has a file of sysfs appear in the place of some memory, which is whole pages and not to be written to from then on: it is not
 * read, not copied, and takes no memory of this process. /sys/kernel/btf/vmlinux can be mapped since Linux 6.16
 * (kernel/bpf/sysfs_btf.c). Files elsewhere are not mapped: they can become shorter, and who looks behind their end is killed.
 *
 * These calls do not go through the gate: whether types are read again is the garbage collector's to say.
 *
 * @returns whether it was done; never where nothing has made a system call yet, as koffi would have to be loaded for it.
 */
export function mapOver(memory: Uint8Array, fd: number): boolean {
  const native = loadedNative()
  if (native === undefined) return false
  const { fstatfs, mmap, munmap } = numbersFor(process.arch)
  const status = new BigInt64Array(16)
  if (native.syscall3(fstatfs, fd, native.address(status), 0) < 0 || status[0] !== SYSFS_MAGIC) return false
  const map = (address: number, length: number, protection: number, flags: number, file: number): number =>
    native.syscall6(mmap, address, length, protection, MAP_PRIVATE | flags, file, 0)
  // a page anywhere first: before Linux 6.12 what cannot be mapped in the place of something leaves a hole there
  const page = map(0, 1, PROT_READ, 0, fd)
  if (page < 0) return false
  native.syscall3(munmap, page, 1, 0)
  const address = native.address(memory)
  if (map(address, memory.length, PROT_READ, MAP_FIXED, fd) === address) return true
  map(address, memory.length, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS, -1)
  return false
}
