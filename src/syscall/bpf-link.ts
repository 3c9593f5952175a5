import { address, at, clearAttr, i32, nameLength, put64, putText, u32 } from './arena.ts'
import {
  command,
  linkCreate as createAt,
  linkDetach as detachAt,
  iterCreate as iterAt,
  rawTracepoint as rawAt,
  linkUpdate as updateAt,
} from './attr.generated.ts'
import { EINVAL } from './errno.ts'
import { bpf } from './gate.ts'
import { addressOf, holding } from './memory.ts'
import { putPath } from './path.ts'

/** BPF_RAW_TRACEPOINT_OPEN; for tp_btf, fentry and LSM the name is null. The result is a link. Linux 4.17. */
export function rawTracepointOpen(name: string | null, progFd: number, cookie: number | bigint = 0): number {
  clearAttr(rawAt.size_)
  if (name !== null) {
    if (putText(at.name, name, nameLength) < 0) return EINVAL
    put64(rawAt.name, address(at.name))
  }
  u32[rawAt.prog_fd >> 2] = progFd
  put64(rawAt.cookie, cookie) // Linux 6.10
  return bpf(command.BPF_RAW_TRACEPOINT_OPEN, rawAt.size_)
}

/** Where among the programs of one hook; the revision makes it fail where another came between. */
export interface LinkOrder {
  /** A program or link, by descriptor, or with BPF_F_ID by id; flags say before or after. */
  readonly relative?: number
  readonly expectedRevision?: number | bigint
}

/** What a link needs besides program, target and attach type, by family. */
export type LinkDetail =
  | ({ readonly kind: 'tcx' | 'netkit' | 'cgroup' } & LinkOrder)
  | { readonly kind: 'perf_event'; readonly cookie: number | bigint }
  | { readonly kind: 'tracing'; readonly targetBtfId?: number; readonly cookie?: number | bigint }
  | {
      readonly kind: 'netfilter'
      readonly protocolFamily: number
      readonly hook: number
      readonly priority: number
      /** BPF_F_NETFILTER_IP_DEFRAG. */
      readonly flags?: number
    }
  | {
      readonly kind: 'kprobe_multi'
      /** Names or addresses of kernel functions. */
      readonly functions: readonly string[] | BigUint64Array
      readonly cookies?: BigUint64Array
      /** BPF_F_KPROBE_MULTI_RETURN. */
      readonly flags?: number
    }
  | {
      readonly kind: 'uprobe_multi'
      readonly path: string
      /** In the file, bytes. */
      readonly offsets: BigUint64Array
      readonly refCounterOffsets?: BigUint64Array
      readonly cookies?: BigUint64Array
      /** 0: every process. */
      readonly pid?: number
      /** BPF_F_UPROBE_MULTI_RETURN. */
      readonly flags?: number
    }
  /** union bpf_iter_link_info, as bytes. */
  | { readonly kind: 'iter'; readonly info: Uint8Array }

export interface LinkCreateOptions {
  /** The program; for struct_ops the map. */
  readonly fd: number
  /** Descriptor (cgroup, netns, perf event, program) or interface index, as the hook wants it. */
  readonly target?: number
  /** BPF_* of enum bpf_attach_type. */
  readonly attachType: number
  readonly flags?: number
  readonly detail?: LinkDetail
}

/** BPF_LINK_CREATE; the result is a descriptor. Linux 5.7; perf events 5.15, tcx 6.6. */
export function linkCreate(options: LinkCreateOptions): number {
  const { detail } = options
  const names = detail?.kind === 'kprobe_multi' ? namesOf(detail.functions) : undefined
  return holding([options, names], () => {
    clearAttr(createAt.size_)
    u32[createAt.prog_fd >> 2] = options.fd
    u32[createAt.target_fd >> 2] = options.target ?? 0
    u32[createAt.attach_type >> 2] = options.attachType
    u32[createAt.flags >> 2] = options.flags ?? 0
    const refused = detail === undefined ? 0 : putDetail(detail, names)
    return refused < 0 ? refused : bpf(command.BPF_LINK_CREATE, createAt.size_)
  })
}

/** Returns 0, or a negative errno for a path that cannot be. */
function putDetail(detail: LinkDetail, names: Names | undefined): number {
  switch (detail.kind) {
    case 'tcx':
    case 'netkit':
    case 'cgroup': // the three have one layout
      u32[createAt.tcx.relative_fd >> 2] = detail.relative ?? 0
      put64(createAt.tcx.expected_revision, detail.expectedRevision ?? 0)
      return 0
    case 'perf_event':
      put64(createAt.perf_event.bpf_cookie, detail.cookie)
      return 0
    case 'tracing':
      u32[createAt.tracing.target_btf_id >> 2] = detail.targetBtfId ?? 0
      put64(createAt.tracing.cookie, detail.cookie ?? 0)
      return 0
    case 'netfilter':
      u32[createAt.netfilter.pf >> 2] = detail.protocolFamily
      u32[createAt.netfilter.hooknum >> 2] = detail.hook
      i32[createAt.netfilter.priority >> 2] = detail.priority
      u32[createAt.netfilter.flags >> 2] = detail.flags ?? 0
      return 0
    case 'iter':
      put64(createAt.iter_info, addressOf(detail.info))
      u32[createAt.iter_info_len >> 2] = detail.info.length
      return 0
    case 'kprobe_multi':
      u32[createAt.kprobe_multi.flags >> 2] = detail.flags ?? 0
      u32[createAt.kprobe_multi.cnt >> 2] = detail.functions.length
      if (detail.functions instanceof BigUint64Array)
        put64(createAt.kprobe_multi.addrs, addressOf(detail.functions))
      else put64(createAt.kprobe_multi.syms, addressOf(names?.pointers))
      put64(createAt.kprobe_multi.cookies, addressOf(detail.cookies))
      return 0
    case 'uprobe_multi':
      return putUprobes(detail)
  }
}

function putUprobes(detail: LinkDetail & { readonly kind: 'uprobe_multi' }): number {
  const path = putPath(detail.path)
  if (path < 0) return path
  put64(createAt.uprobe_multi.path, path)
  put64(createAt.uprobe_multi.offsets, addressOf(detail.offsets))
  put64(createAt.uprobe_multi.ref_ctr_offsets, addressOf(detail.refCounterOffsets))
  put64(createAt.uprobe_multi.cookies, addressOf(detail.cookies))
  u32[createAt.uprobe_multi.cnt >> 2] = detail.offsets.length
  u32[createAt.uprobe_multi.flags >> 2] = detail.flags ?? 0
  u32[createAt.uprobe_multi.pid >> 2] = detail.pid ?? 0
  return 0
}

/** Strings as C has them: an array of pointers, and the text that they point into. */
interface Names {
  readonly pointers: BigUint64Array
  readonly text: Uint8Array
}

function namesOf(functions: readonly string[] | BigUint64Array): Names | undefined {
  if (functions instanceof BigUint64Array) return undefined
  const text = new TextEncoder().encode(`${functions.join('\0')}\0`)
  const pointers = new BigUint64Array(functions.length)
  let pointer = addressOf(text)
  for (const [i, name] of functions.entries()) {
    pointers[i] = BigInt(pointer)
    pointer += Buffer.byteLength(name) + 1
  }
  return { pointers, text }
}

/** BPF_LINK_UPDATE; with `oldFd` only if that is the program (struct_ops: the map) now. Linux 5.7. */
export function linkUpdate(fd: number, newFd: number, oldFd?: number): number {
  const BPF_F_REPLACE = 4
  clearAttr(updateAt.size_)
  u32[updateAt.link_fd >> 2] = fd
  u32[updateAt.new_prog_fd >> 2] = newFd
  u32[updateAt.flags >> 2] = oldFd === undefined ? 0 : BPF_F_REPLACE
  u32[updateAt.old_prog_fd >> 2] = oldFd ?? 0
  return bpf(command.BPF_LINK_UPDATE, updateAt.size_)
}

/** BPF_LINK_DETACH: the program runs no more, at once; the link stays as a descriptor and a pin. Linux 5.9. */
export function linkDetach(fd: number): number {
  u32[detachAt.link_fd >> 2] = fd
  return bpf(command.BPF_LINK_DETACH, detachAt.size_)
}

/** BPF_ITER_CREATE: a file to read what an iterator's link prints. Linux 5.8. */
export function iterCreate(linkFd: number): number {
  clearAttr(iterAt.size_)
  u32[iterAt.link_fd >> 2] = linkFd
  return bpf(command.BPF_ITER_CREATE, iterAt.size_)
}
