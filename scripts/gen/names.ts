import type { Btf } from '../../src/btf/index.ts'
import { enumOf } from './kernel-types.ts'

/** Enums whose names users see, less their prefix and in lower case, as bpftool prints them. */
const nameTables = [
  { table: 'mapTypes', enum: 'bpf_map_type', prefix: 'BPF_MAP_TYPE_', says: 'Map types' },
  { table: 'programTypes', enum: 'bpf_prog_type', prefix: 'BPF_PROG_TYPE_', says: 'Program types' },
  { table: 'attachTypes', enum: 'bpf_attach_type', prefix: 'BPF_', says: 'Attach types' },
  { table: 'linkTypes', enum: 'bpf_link_type', prefix: 'BPF_LINK_TYPE_', says: 'Link types' },
]

/** Names that are in later kernels than the one that is read: objects are made for those, too. */
const later: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  bpf_attach_type: {
    BPF_TRACE_FSESSION: 58,
    BPF_TRACE_FENTRY_MULTI: 59,
    BPF_TRACE_FEXIT_MULTI: 60,
    BPF_TRACE_FSESSION_MULTI: 61,
  },
}

/** Enums whose constants keep their names; unnamed ones are found by one of theirs. */
const constantEnums = [
  'BPF_ANY',
  'BPF_F_NO_PREALLOC',
  'BPF_F_KPROBE_MULTI_RETURN',
  'BPF_F_UPROBE_MULTI_RETURN',
]

/** Constants that are macros, and so in no BTF. */
const macros: Record<string, Record<string, number>> = {
  'include/uapi/linux/bpf.h, flags of attaching to a cgroup or a tcx hook': {
    BPF_F_ALLOW_OVERRIDE: 1,
    BPF_F_ALLOW_MULTI: 2,
    BPF_F_REPLACE: 4,
    BPF_F_BEFORE: 8,
    BPF_F_AFTER: 16,
    BPF_F_ID: 32,
    BPF_F_PREORDER: 64,
  },
  'include/uapi/linux/bpf.h, flags of BPF_PROG_LOAD': {
    BPF_F_STRICT_ALIGNMENT: 1,
    BPF_F_ANY_ALIGNMENT: 2,
    BPF_F_TEST_RND_HI32: 4,
    BPF_F_TEST_STATE_FREQ: 8,
    BPF_F_SLEEPABLE: 16,
    BPF_F_XDP_HAS_FRAGS: 32,
    BPF_F_XDP_DEV_BOUND_ONLY: 64,
    BPF_F_TEST_REG_INVARIANTS: 128,
  },
  'include/uapi/linux/bpf.h, flags of netfilter links and of BPF_PROG_TEST_RUN': {
    BPF_F_NETFILTER_IP_DEFRAG: 1,
    BPF_F_TEST_RUN_ON_CPU: 1,
    BPF_F_TEST_XDP_LIVE_FRAMES: 2,
    BPF_F_TEST_SKB_CHECKSUM_COMPLETE: 4,
  },
  'include/uapi/linux/bpf.h, src_reg of a 64-bit immediate load, then of a call': {
    BPF_PSEUDO_MAP_FD: 1,
    BPF_PSEUDO_MAP_VALUE: 2,
    BPF_PSEUDO_BTF_ID: 3,
    BPF_PSEUDO_FUNC: 4,
    BPF_PSEUDO_MAP_IDX: 5,
    BPF_PSEUDO_MAP_IDX_VALUE: 6,
    BPF_PSEUDO_CALL: 1,
    BPF_PSEUDO_KFUNC_CALL: 2,
  },
  'include/uapi/linux/if_link.h, XDP': {
    XDP_FLAGS_UPDATE_IF_NOEXIST: 1,
    XDP_FLAGS_SKB_MODE: 2,
    XDP_FLAGS_DRV_MODE: 4,
    XDP_FLAGS_HW_MODE: 8,
    XDP_FLAGS_REPLACE: 16,
  },
  'include/uapi/linux/bpf.h, sizes in bytes': { BPF_OBJ_NAME_LEN: 16, BPF_TAG_SIZE: 8 },
}

/** The text of src/spec/uapi.generated.ts. */
export function namesOf(btf: Btf, kernel: string): string {
  const out = [`// Made by scripts/gen-attr.ts from the BTF of Linux ${kernel}; not edited by hand.`, '']
  for (const { table, enum: enumName, prefix, says } of nameTables) {
    out.push(`/** ${says} (enum ${enumName}), less \`${prefix}\`. */`, `export const ${table} = {`)
    for (const [name, value] of shortNames(btf, enumName, prefix)) out.push(`  ${name}: ${value},`)
    out.push('} as const', '')
  }
  out.push('/** Other constants, by their names in C. */', 'export const constants = {')
  for (const enumerator of constantEnums) {
    for (const { name, value } of enumOf(btf, enumerator).values) out.push(`  ${name}: ${value},`)
  }
  for (const [place, values] of Object.entries(macros)) {
    out.push(`  // ${place}`)
    for (const [name, value] of Object.entries(values)) out.push(`  ${name}: ${value},`)
  }
  out.push('} as const', '')
  return out.join('\n')
}

function shortNames(btf: Btf, enumName: string, prefix: string): Map<string, number> {
  const names = new Map<string, number>()
  const all = enumOf(btf, enumName).values.map(({ name, value }) => [name, value] as const)
  for (const [name, value] of [...all, ...Object.entries(later[enumName] ?? {})]) {
    if (name.startsWith('__')) continue // __MAX_..., which grows
    // BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED and the like have their old name beside them
    names.set(
      name
        .slice(prefix.length)
        .replace(/_DEPRECATED$/, '')
        .toLowerCase(),
      Number(value),
    )
  }
  return names
}
