import { attachTypes, linkTypes, mapTypes, programTypes } from './uapi.generated.ts'

/** A map type by its kernel name, less `BPF_MAP_TYPE_` and in lower case: `'hash'`. As bpftool prints it. */
export type MapType = keyof typeof mapTypes
/** A program type by its kernel name, less `BPF_PROG_TYPE_`: `'tracing'`. */
export type ProgramType = keyof typeof programTypes
/** An attach type by its kernel name, less `BPF_`: `'cgroup_inet_egress'`. */
export type AttachType = keyof typeof attachTypes
/** A link type by its kernel name, less `BPF_LINK_TYPE_`: `'raw_tracepoint'`. */
export type LinkType = keyof typeof linkTypes

export { attachTypes, linkTypes, mapTypes, programTypes }

type Numbers = Readonly<Record<string, number>>

function namesOf(numbers: Numbers): readonly string[] {
  const names: string[] = []
  for (const [name, number] of Object.entries(numbers)) names[number] ??= name
  return names
}

const mapTypeNames = /* @__PURE__ */ namesOf(mapTypes)
const programTypeNames = /* @__PURE__ */ namesOf(programTypes)
const attachTypeNames = /* @__PURE__ */ namesOf(attachTypes)
const linkTypeNames = /* @__PURE__ */ namesOf(linkTypes)

/** `1` -> `'hash'`; a number that this table does not know (a newer kernel) -> `'type 60'`. */
export function mapTypeName(type: number): string {
  return mapTypeNames[type] ?? `type ${type}`
}
export function programTypeName(type: number): string {
  return programTypeNames[type] ?? `type ${type}`
}
export function attachTypeName(type: number): string {
  return attachTypeNames[type] ?? `type ${type}`
}
export function linkTypeName(type: number): string {
  return linkTypeNames[type] ?? `type ${type}`
}

/** Bytes of a kernel object's name: BPF_OBJ_NAME_LEN less the NUL (include/uapi/linux/bpf.h). */
export const kernelNameLength = 15

/** Flags of BPF_MAP_CREATE (include/uapi/linux/bpf.h) that a loader sets or reads. */
export const mapFlag = {
  NO_COMMON_LRU: 0x2 as number,
  /** Programs may only read the map; user space may still write until it is frozen. */
  RDONLY_PROG: 0x80 as number,
  /** An array of one page or more that user space may map into its memory; Linux 5.5. */
  MMAPABLE: 0x400 as number,
  /** What user space touches of an arena without having been given it ends the process; Linux 6.9. */
  SEGV_ON_FAULT: 0x20000 as number,
  /** A struct_ops map that is registered by a link; Linux 6.4. */
  LINK: 0x2000 as number,
  /** A struct_ops map whose struct is a module's; Linux 6.9. */
  VTYPE_BTF_OBJ_FD: 0x8000 as number,
}

/** Flags of BPF_PROG_LOAD (include/uapi/linux/bpf.h): what section names ask for, and what only `program.flags` can. */
export const programFlag = {
  /** Refuse accesses to memory that some machines cannot make. Linux 4.12. */
  STRICT_ALIGNMENT: 0x1 as number,
  /** Allow them on machines that can make any. Linux 4.20. */
  ANY_ALIGNMENT: 0x2 as number,
  /** For tests of the kernel: random numbers in the upper halves of registers. Linux 5.3. */
  TEST_RND_HI32: 0x4 as number,
  /** For tests of the kernel: remember the state more often. Linux 5.4. */
  TEST_STATE_FREQ: 0x8 as number,
  /** By sections with `.s`, and `syscall`. Linux 5.10. */
  SLEEPABLE: 0x10 as number,
  /** By `xdp.frags`. Linux 5.18. */
  XDP_HAS_FRAGS: 0x20 as number,
  /** For one interface only, whose driver it may ask about packets: that of its target. Linux 6.3. */
  XDP_DEV_BOUND_ONLY: 0x40 as number,
  /** For tests of the kernel: refuse where its knowledge of registers contradicts itself. Linux 6.8. */
  TEST_REG_INVARIANTS: 0x80 as number,
}
