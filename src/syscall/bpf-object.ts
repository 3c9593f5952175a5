import { address, at, clearResult, get53, get64, getHex, getText, listLength, put64, u32 } from './arena.ts'
import {
  command,
  byId as idAt,
  infoByFd as infoAt,
  mapInfo as mapAt,
  object as objectAt,
  progInfo as progAt,
} from './attr.generated.ts'
import { EINVAL } from './errno.ts'
import { readLink } from './files.ts'
import { bpf } from './gate.ts'
import { AT_FDCWD, putPath, putPathBelow } from './path.ts'

// What every kind of BPF object has: pins, ids, information.

const BPF_F_PATH_FD = 0x4000
const nameLimit = 16

let takesDirectory: boolean | undefined

/**
 * Whether BPF_OBJ_PIN and BPF_OBJ_GET take a directory's descriptor (Linux 6.5). An older kernel refuses a field that it
 * does not know before it looks at anything else; this one finds that -1 is no directory.
 */
function kernelTakesDirectory(): boolean {
  if (takesDirectory === undefined) {
    putObject(address(at.path), 0, BPF_F_PATH_FD, -1)
    u32[at.path >> 2] = 0x61 // "a"
    takesDirectory = bpf(command.BPF_OBJ_GET, objectAt.size_) !== EINVAL
  }
  return takesDirectory
}

/** BPF_OBJ_PIN: `path` is new, on bpffs, and relative to `directory` where that is given. */
export function objPin(fd: number, path: string, directory: number = AT_FDCWD): number {
  return byPath(command.BPF_OBJ_PIN, path, fd, 0, directory)
}

/**
 * BPF_OBJ_GET; the result is a descriptor.
 *
 * @param flags BPF_F_RDONLY or BPF_F_WRONLY, for maps (Linux 4.15)
 * @param inside the name of a directory in `directory`, where that is given, from which the path is
 */
export function objGet(path: string, flags = 0, directory: number = AT_FDCWD, inside?: string): number {
  return byPath(command.BPF_OBJ_GET, path, 0, flags, directory, inside)
}

function byPath(
  cmd: number,
  path: string,
  fd: number,
  flags: number,
  directory: number,
  inside?: string,
): number {
  const below = directory !== AT_FDCWD && !path.startsWith('/')
  const byDescriptor = below && kernelTakesDirectory()
  const pathname =
    below && !byDescriptor
      ? putPathBelow(directory, inside === undefined ? path : `${inside}/${path}`)
      : putPath(path, inside)
  if (pathname < 0) return pathname
  putObject(pathname, fd, byDescriptor ? flags | BPF_F_PATH_FD : flags, byDescriptor ? directory : 0)
  return bpf(cmd, objectAt.size_)
}

function putObject(pathname: number, fd: number, flags: number, directory: number): void {
  put64(objectAt.pathname, pathname)
  u32[objectAt.bpf_fd >> 2] = fd
  u32[objectAt.file_flags >> 2] = flags
  u32[objectAt.path_fd >> 2] = directory
  u32[(objectAt.path_fd >> 2) + 1] = 0
}

/** For tests, on a kernel that takes descriptors: do as on one before 6.5, or find out again. */
export function assumeTakesDirectory(assumed: boolean | undefined): void {
  takesDirectory = assumed
}

/** Descriptors by id; need CAP_SYS_ADMIN. `flags` of a map: BPF_F_RDONLY, BPF_F_WRONLY. Linux 4.13, links 5.8. */
export function mapGetFdById(id: number, flags = 0): number {
  return byId(command.BPF_MAP_GET_FD_BY_ID, id, flags)
}
export function progGetFdById(id: number): number {
  return byId(command.BPF_PROG_GET_FD_BY_ID, id, 0)
}
export function btfGetFdById(id: number): number {
  return byId(command.BPF_BTF_GET_FD_BY_ID, id, 0)
}
export function linkGetFdById(id: number): number {
  return byId(command.BPF_LINK_GET_FD_BY_ID, id, 0)
}

/** The lowest id above `id`; -ENOENT where there is none. */
export function mapGetNextId(id: number): number {
  return nextId(command.BPF_MAP_GET_NEXT_ID, id)
}
export function progGetNextId(id: number): number {
  return nextId(command.BPF_PROG_GET_NEXT_ID, id)
}
export function btfGetNextId(id: number): number {
  return nextId(command.BPF_BTF_GET_NEXT_ID, id)
}
export function linkGetNextId(id: number): number {
  return nextId(command.BPF_LINK_GET_NEXT_ID, id)
}

function nextId(cmd: number, id: number): number {
  const result = byId(cmd, id, 0)
  return result < 0 ? result : u32[idAt.next_id >> 2]!
}

function byId(cmd: number, id: number, flags: number): number {
  u32[idAt.map_id >> 2] = id
  u32[idAt.next_id >> 2] = 0
  u32[idAt.open_flags >> 2] = flags
  return bpf(cmd, idAt.open_flags + 4)
}

/** BPF_OBJ_GET_INFO_BY_FD into the result area, which says what is wanted on the way in. */
export function infoByFd(fd: number, length: number): number {
  u32[infoAt.bpf_fd >> 2] = fd
  u32[infoAt.info_len >> 2] = length
  put64(infoAt.info, address(at.result))
  return bpf(command.BPF_OBJ_GET_INFO_BY_FD, infoAt.size_)
}

/** struct bpf_map_info; what the running kernel does not know is 0. */
export interface MapInfo {
  readonly type: number
  readonly id: number
  /** Bytes. */
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly ifindex: number
  /** 0 where the kernel keeps no BTF for the map. */
  readonly btfId: number
  readonly btfKeyTypeId: number
  readonly btfValueTypeId: number
  /** struct_ops. */
  readonly btfVmlinuxValueTypeId: number
  readonly btfVmlinuxId: number
  readonly mapExtra: number | bigint
}

/** As {@link mapInfo}, with what few ask for: a text is made of it. */
export interface NamedMapInfo extends MapInfo {
  /** At most 15 bytes. */
  readonly name: string
}

/** What a map is, with its name, or a negative errno. */
export function namedMapInfo(fd: number): NamedMapInfo | number {
  const info = mapInfo(fd)
  return typeof info === 'number' ? info : { ...info, name: getText(at.result + mapAt.name, nameLimit) }
}

/** What a map is, or a negative errno. */
export function mapInfo(fd: number): MapInfo | number {
  clearResult(mapAt.size_)
  const result = infoByFd(fd, mapAt.size_)
  if (result < 0) return result
  return {
    type: result32(mapAt.type),
    id: result32(mapAt.id),
    keySize: result32(mapAt.key_size),
    valueSize: result32(mapAt.value_size),
    maxEntries: result32(mapAt.max_entries),
    flags: result32(mapAt.map_flags),
    ifindex: result32(mapAt.ifindex),
    btfId: result32(mapAt.btf_id),
    btfKeyTypeId: result32(mapAt.btf_key_type_id),
    btfValueTypeId: result32(mapAt.btf_value_type_id),
    btfVmlinuxValueTypeId: result32(mapAt.btf_vmlinux_value_type_id),
    btfVmlinuxId: result32(mapAt.btf_vmlinux_id),
    mapExtra: get64(at.result + mapAt.map_extra),
  }
}

/** struct bpf_prog_info; what the running kernel does not know is 0. */
export interface ProgInfo {
  readonly type: number
  readonly id: number
  /** 16 hexadecimal digits. */
  readonly tag: string
  /** At most 15 bytes. */
  readonly name: string
  readonly mapIds: readonly number[]
  /** Nanoseconds after boot. */
  readonly loadTime: number
  readonly createdByUid: number
  readonly ifindex: number
  readonly gplCompatible: boolean
  readonly btfId: number
  /** Bytes of the program as the verifier left it, and as machine code; 0 for those who may not see it. */
  readonly xlatedLength: number
  readonly jitedLength: number
  /** Counted while BPF_ENABLE_STATS or kernel.bpf_stats_enabled is on. */
  readonly runTimeNs: number
  readonly runCount: number
  readonly recursionMisses: number
  readonly verifiedInstructions: number
  readonly attachBtfObjId: number
  readonly attachBtfId: number
}

/** What a program is, or a negative errno. */
export function progInfo(fd: number): ProgInfo | number {
  clearResult(progAt.size_)
  put64(at.result + progAt.map_ids, address(at.list))
  u32[(at.result + progAt.nr_map_ids) >> 2] = listLength >> 2 // more than the kernel lets a program use
  const result = infoByFd(fd, progAt.size_)
  if (result < 0) return result
  const mapIds = [...u32.subarray(at.list >> 2, (at.list >> 2) + result32(progAt.nr_map_ids))]
  return {
    type: result32(progAt.type),
    id: result32(progAt.id),
    tag: getHex(at.result + progAt.tag, 8),
    name: getText(at.result + progAt.name, nameLimit),
    mapIds,
    loadTime: get53(at.result + progAt.load_time),
    createdByUid: result32(progAt.created_by_uid),
    ifindex: result32(progAt.ifindex),
    gplCompatible: (result32(progAt.gpl_compatible) & 1) === 1,
    btfId: result32(progAt.btf_id),
    xlatedLength: result32(progAt.xlated_prog_len),
    jitedLength: result32(progAt.jited_prog_len),
    runTimeNs: get53(at.result + progAt.run_time_ns),
    runCount: get53(at.result + progAt.run_cnt),
    recursionMisses: get53(at.result + progAt.recursion_misses),
    verifiedInstructions: result32(progAt.verified_insns),
    attachBtfObjId: result32(progAt.attach_btf_obj_id),
    attachBtfId: result32(progAt.attach_btf_id),
  }
}

function result32(offset: number): number {
  return u32[(at.result + offset) >> 2]!
}

export type ObjectKind = 'map' | 'program' | 'link' | 'btf'

const kinds: Record<string, ObjectKind> = {
  'anon_inode:bpf-map': 'map',
  'anon_inode:bpf-prog': 'program',
  'anon_inode:bpf_link': 'link',
  'anon_inode:bpf-link': 'link',
  'anon_inode:btf': 'btf',
}

/** What a descriptor is open on; undefined for what is no BPF object; a negative errno. */
export function objectKind(fd: number): ObjectKind | undefined | number {
  const target = readLink(`/proc/self/fd/${fd}`)
  return typeof target === 'number' ? target : kinds[target]
}
