export type { AnyOf } from './api/any-of.ts'
export {
  BpfObject,
  type PinOptions,
  type Unattached,
  type UpgradeOptions,
  type WriteOptions,
} from './api/bpf-object.ts'
export { Collection } from './api/collection.ts'
export {
  type EmbeddedObject,
  type PinnedLikeOptions,
  pinnedLikeEmbedded,
  specFromEmbedded,
} from './api/embedded.ts'
export { type LoadOptions, ObjectSpec } from './api/object-spec.ts'
export type { Named, ObjectTypes } from './api/object-types.ts'
export { type OpenMapOptions, openMap } from './api/open-map.ts'
export { type OpenOptions, openObject } from './api/open-object.ts'
export { openPinned } from './api/open-pinned.ts'
export { type OpenPinnedOptions, type PinnedEvents, PinnedObject } from './api/pinned-object.ts'
export type { Btf, ChangeKind, FieldChange, FieldSide, Grade, LayoutComparison, Value } from './btf/index.ts'
export { BpfError, BtfError, ElfError, type ErrorFields, VerifierError } from './errors.ts'
export { BpfLink, type OpsState } from './link/index.ts'
export {
  BpfMap,
  type Entry,
  type EventOptions,
  EventReader,
  type EventType,
  type GetOptions,
  type HasFd,
  MapMemory,
  type RawCallback,
  RingWriter,
  type RingWriterOptions,
  type SetMode,
  type SetOptions,
  type StorageOwner,
  Variable,
} from './map/index.ts'
export {
  type AttachOptions,
  BpfProgram,
  BpfStructOps,
  type ContextFields,
  enableStats,
  kernelTypes,
  type ProgramStats,
  RunCounting,
  type RunInput,
  type RunResult,
} from './object/index.ts'
export type {
  Carried,
  ConvertFunction,
  CopyProgress,
  Left,
  LinkOutcome,
  MapOutcome,
  Merge,
  PinnedLink,
  RollbackOptions,
  UnpinReport,
  UpgradeReport,
} from './pin/index.ts'
export type { Layout } from './plan/layout.ts'
export type { LinkAction } from './plan/link-switch.ts'
export type { MapAction, OnMismatch } from './plan/policy.ts'
export type { Step } from './plan/steps.ts'
export type { Plan, PlannedMap, PlannedProgram, PlannedSwitch } from './plan/upgrade.ts'
export {
  type ItemVerdict,
  type LinkVerdict,
  type MapDifferences,
  type MapVerdict,
  PinMismatchError,
  type ProgramVerdict,
  type Reason,
  type Verdict,
} from './plan/verdict.ts'
export type { ExternSpec, KconfigExtern, KernelExtern } from './spec/externs/declarations.ts'
export type { KconfigForm } from './spec/externs/kconfig-form.ts'
export { type AttachType, type MapType, type ProgramType, programFlag } from './spec/kernel.ts'
export type { LinkOwner } from './spec/link-owner.ts'
export { StructOpsSpec } from './spec/struct-ops/struct-ops.ts'
export {
  type Anchor,
  type BinaryTarget,
  type CgroupTarget,
  type CgroupWalk,
  type FunctionsTarget,
  type FunctionTarget,
  type HookTarget,
  type InterfaceTarget,
  type IteratorTarget,
  type MapTarget,
  type NetfilterHook,
  type NetfilterTarget,
  type NetnsTarget,
  type Order,
  type PerfEventName,
  type PerfEventTarget,
  type ProgramTarget,
  parseTarget,
  type RawPerfEvent,
  type StructOpsTarget,
  type SyscallTarget,
  type Target,
  targetText,
  type UsdtTarget,
  type XdpMode,
} from './spec/targets.ts'
export type { LinkOptions, MapSpec, ProgramSpec } from './spec/types.ts'
export { VariableSpec } from './spec/variables.ts'
