import type { Btf, BtfExt, TypeId } from '../btf/index.ts'
import type { ElfFile } from '../elf/index.ts'
import type { DataSection } from './data-section.ts'
import type { ExternSpec } from './externs/declarations.ts'
import type { AttachType, MapType, ProgramType } from './kernel.ts'
import type { Reference } from './references.ts'
import type { SectionMatch } from './sections.ts'
import type { StructOpsSpec } from './struct-ops/struct-ops.ts'
import type { Target } from './targets.ts'
import type { VariableSpec } from './variables.ts'

/** A BPF object as parsed: plain data, deterministic, no kernel touched. */
export interface Spec {
  /** The object's name: names its directory on bpffs. */
  readonly name: string
  readonly elf: ElfFile
  readonly btf: Btf | undefined
  /** The same, ready for the kernel, made when first asked for; types keep their ids. */
  readonly kernelBtf: (() => Btf) | undefined
  readonly ext: BtfExt | undefined
  /** From the `license` section; empty where there is none. */
  readonly license: string
  /** In order of definition: maps of `.maps`, then data sections in file order, `.kconfig`, and last struct_ops maps. */
  readonly maps: readonly MapSpec[]
  readonly programs: readonly ProgramSpec[]
  readonly variables: readonly VariableSpec[]
  /** What the object expects the kernel, or its configuration, to define. */
  readonly externs: readonly ExternSpec[]
}

/** A map as the object defines it. What is not readonly may be changed until the object is loaded. */
export interface MapSpec {
  /** Unique in the object: the ELF name, `events` or `.rodata`; equal static names get `~1`, `~2`, ... */
  readonly name: string
  /** What the kernel will call it: at most 15 bytes. */
  readonly kernelName: string
  readonly type: MapType
  /** Bytes. */
  keySize: number
  /** Bytes; in per-CPU maps of one CPU's value. */
  valueSize: number
  /** Entries; bytes for ring buffers. 0 where the kernel or the machine decides. */
  maxEntries: number
  /** BPF_F_* flags of BPF_MAP_CREATE. */
  flags: number
  /** Type-specific (bloom filter: number of hash functions), Linux 5.16. */
  mapExtra: number | bigint
  /** NUMA node to allocate on. */
  numaNode: number | undefined
  /** Network device that the map is offloaded to. */
  ifindex: number
  /** Types of keys and values in the object's BTF, 0 where the definition gives only sizes. */
  readonly keyType: TypeId
  readonly valueType: TypeId
  /** Marked LIBBPF_PIN_BY_NAME in its definition. */
  readonly pinByName: boolean
  /** Where to pin: a path, absolute or below the root, `null` for "do not pin", `undefined` for the place that the layout gives. */
  pinPath: string | null | undefined
  /** `false`: neither created nor pinned; programs that use it do not load. */
  autocreate: boolean
  /** What an array-of-maps or hash-of-maps holds. */
  readonly inner: MapSpec | undefined
  /** Slots that the object fills by itself: inner maps, or programs of a program array. */
  readonly slots: readonly SlotSpec[]
  /** The data section behind the map, if it is one. */
  readonly section: DataSection | undefined
  /** The struct that a struct_ops map registers with the kernel, if it is one. */
  readonly structOps: StructOpsSpec | undefined
}

/** One initial slot of a map-in-map or program array. */
export interface SlotSpec {
  /** Key, or index. */
  readonly index: number
  readonly kind: 'map' | 'program'
  readonly name: string
}

/** A function with a section of its own: what the kernel loads as a program. */
export interface ProgramSpec {
  /** Unique in the object: the C function's name; equal static names get `~1`, ... */
  readonly name: string
  /** What the kernel will call it: at most 15 bytes. */
  readonly kernelName: string
  /** The whole section name, as written in SEC(). */
  readonly section: string
  /** What the section name says; `undefined` where the table does not know it: then set `type`. */
  readonly rule: SectionMatch | undefined
  type: ProgramType
  attachType: AttachType | undefined
  /** BPF_F_* flags of BPF_PROG_LOAD. */
  flags: number
  /**
   * What the verifier is to write while the program is loaded, for `program.verifierLog`: the sum of 1, what it does, or 2,
   * also the state at each instruction, and 4, statistics. 0, nothing: a program that it refuses is told of anyway.
   */
  logLevel: number
  /** `false` (also by a `?` in front of the section name): left out of load, attach and pin. */
  autoload: boolean
  /** `false`: loaded and pinned, not attached by `attach()`; a link that the program is given by hand is not pinned. */
  autoattach: boolean
  /** Where to pin: a path, absolute or below the root, `null` for "do not pin", `undefined` for the place that the layout gives. */
  pinPath: string | null | undefined
  /** Where to attach, for programs whose section does not say: `{ cgroup: '/sys/fs/cgroup/web' }`. */
  target: Target | undefined
  /**
   * More places, each by a label of letters, digits, `_`, `-` and `.`, with at least one that is no digit: a link of its
   * own each, named `program~label`. Where there are any, what the section name says is not a place by itself.
   */
  targets: Readonly<Record<string, Target>>
  readonly link: LinkOptions
  readonly body: FunctionSpec
}

/** How the link of a program is made and kept. */
export interface LinkOptions {
  /** Where to pin the link: a path, absolute or below the root, `null` for "do not pin", `undefined` for the place that the layout gives. */
  pinPath?: string | null
  /** Handed to the program by bpf_get_attach_cookie(); Linux 5.15 for perf events, 5.18 for tracing. */
  cookie?: bigint
}

/** Any function in the object: a program's own, or a sub-program in `.text`. */
export interface FunctionSpec {
  readonly name: string
  /** Section index in the ELF file. */
  readonly section: number
  /** First instruction and number of instructions, each 8 bytes, in its section. */
  readonly start: number
  readonly length: number
  /** What its instructions refer to, by rising instruction. */
  readonly references: readonly Reference[]
}
