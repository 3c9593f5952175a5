import {
  type Btf,
  type BtfFunc,
  type BtfFuncProto,
  type BtfWriter,
  type TypeId,
  withTypes,
} from '../btf/index.ts'
import type { ProgramType } from './kernel.ts'
import type { FunctionSpec, ProgramSpec } from './types.ts'

/** What `__arg_ctx` of bpf_helpers.h makes of a parameter: a tag on it. */
const contextTag = 'arg:ctx'

/**
 * What the verifier calls the context of a program (include/linux/bpf_types.h). Other types have no name for theirs: there
 * the tag needs a kernel that knows it.
 */
const contextNames: Partial<Record<ProgramType, string>> = {
  cgroup_device: 'bpf_cgroup_dev_ctx',
  cgroup_skb: '__sk_buff',
  cgroup_sock: 'bpf_sock',
  cgroup_sock_addr: 'bpf_sock_addr',
  cgroup_sockopt: 'bpf_sockopt',
  cgroup_sysctl: 'bpf_sysctl',
  flow_dissector: '__sk_buff',
  kprobe: 'bpf_user_pt_regs_t',
  lwt_in: '__sk_buff',
  lwt_out: '__sk_buff',
  lwt_seg6local: '__sk_buff',
  lwt_xmit: '__sk_buff',
  netfilter: 'bpf_nf_ctx',
  perf_event: 'bpf_perf_event_data',
  raw_tracepoint: 'bpf_raw_tracepoint_args',
  raw_tracepoint_writable: 'bpf_raw_tracepoint_args',
  sched_act: '__sk_buff',
  sched_cls: '__sk_buff',
  sk_lookup: 'bpf_sk_lookup',
  sk_msg: 'sk_msg_md',
  sk_reuseport: 'sk_reuseport_md',
  sk_skb: '__sk_buff',
  sock_ops: 'bpf_sock_ops',
  socket_filter: '__sk_buff',
  xdp: 'xdp_md',
}

/** A global function with parameters that its C code says are the program's context. */
export interface ContextFunction {
  readonly id: TypeId
  /** Which parameters, counted from 0. */
  readonly parameters: readonly number[]
}

/** The functions that have the tag, by name; found by its name, so that an object without it pays nothing. */
export function contextFunctions(btf: Btf): ReadonlyMap<string, ContextFunction> {
  const found = new Map<string, ContextFunction>()
  for (const tag of btf.findAll(contextTag, 'decl_tag')) {
    const fn = btf.type(tag.type)
    // the verifier checks a static function where it is called: it knows what is passed
    if (fn.kind !== 'func' || fn.linkage !== 'global') continue
    if (tag.component < 0 || tag.component >= prototypeOf(btf, fn).params.length) continue
    const parameters = [...(found.get(fn.name)?.parameters ?? []), tag.component]
    found.set(fn.name, { id: fn.id, parameters })
  }
  return found
}

/** A FUNC without a FUNC_PROTO breaks the rules of its kind: reading it would have thrown. */
function prototypeOf(btf: Btf, { type }: BtfFunc): BtfFuncProto {
  return btf.type(type) as BtfFuncProto
}

/** Types for a kernel that does not know the tag. */
export interface ContextTypes {
  readonly btf: Btf
  /** What a program's functions are there, instead of what they are in C. */
  functionTypes(program: ProgramSpec): ReadonlyMap<TypeId, TypeId>
}

/**
 * Says by types what the tag says: a kernel before 6.8 takes a parameter for the context where it points to the struct that
 * belongs to the program's type. A function that programs of several types call is there once for each.
 *
 * @param functionsOf the functions of a program
 */
export function withContextTypes(
  btf: Btf,
  programs: readonly ProgramSpec[],
  functionsOf: (program: ProgramSpec) => readonly FunctionSpec[],
): ContextTypes {
  const tagged = contextFunctions(btf)
  const byContext = new Map<string, Set<ContextFunction>>()
  for (const program of programs) {
    const context = contextNames[program.type]
    if (context === undefined) continue
    const functions = byContext.get(context) ?? new Set()
    byContext.set(context, functions)
    for (const { name } of functionsOf(program)) {
      const fn = tagged.get(name)
      if (fn) functions.add(fn)
    }
  }
  const types = new Map<string, ReadonlyMap<TypeId, TypeId>>()
  const extended = withTypes(btf, writer => {
    for (const [context, functions] of byContext)
      types.set(context, addFunctions(writer, btf, context, functions))
  })
  const none = new Map<TypeId, TypeId>()
  return {
    btf: extended,
    functionTypes: ({ type }) => types.get(contextNames[type] ?? '') ?? none,
  }
}

/** Only the names of the struct and of the function matter to the verifier (kernel/bpf/btf.c: btf_get_prog_ctx_type). */
function addFunctions(
  writer: BtfWriter,
  btf: Btf,
  context: string,
  functions: Iterable<ContextFunction>,
): ReadonlyMap<TypeId, TypeId> {
  const types = new Map<TypeId, TypeId>()
  const struct = writer.add({ kind: 'struct', name: context, size: 0, members: [] })
  const pointer = writer.add({ kind: 'ptr', name: '', type: struct })
  for (const { id, parameters } of functions) {
    const fn = btf.type(id) as BtfFunc // it was found by being one
    const prototype = prototypeOf(btf, fn)
    const params = prototype.params.map((param, i) =>
      parameters.includes(i) && isAnyContext(btf, param.type, context) ? { ...param, type: pointer } : param,
    )
    const type = writer.add({ ...prototype, params })
    types.set(id, writer.add({ ...fn, type }))
  }
  return types
}

/**
 * May it stand for any program's context? What is declared as the context of one kind of program stays that, and is refused
 * in another.
 */
function isAnyContext(btf: Btf, id: TypeId, context: string): boolean {
  const pointer = btf.resolve(id)
  if (pointer.kind !== 'ptr') return false
  const pointee = btf.resolve(pointer.type)
  switch (pointee.kind) {
    case 'void':
      return true
    case 'int':
      return context === 'bpf_raw_tracepoint_args' && pointee.size === 8
    case 'struct':
    case 'fwd':
      return context === 'bpf_user_pt_regs_t'
        ? pointee.name === 'pt_regs'
        : context === 'bpf_perf_event_data' && isRegisters(pointee.name)
    default:
      return false
  }
}

/** What `bpf_user_pt_regs_t` is on x86, arm64 and s390: perf events hand out the same registers. */
function isRegisters(name: string): boolean {
  return ['pt_regs', 'user_pt_regs', 'user_regs_struct'].includes(name)
}
