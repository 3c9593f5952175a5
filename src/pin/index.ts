export { watchSteps } from './apply.ts'
export type {
  ConvertEntry,
  CopyOptions,
  CopyProgress,
  LiveConversion,
  MapSide,
} from './conversion.ts'
export { type CopyReport, copyEntries } from './copy.ts'
export { type Found, findObject, openUnlinked } from './found.ts'
export {
  closeGeneration,
  type Generation,
  isCurrent,
  isInTransition,
  openGeneration,
  openNamed,
} from './generation.ts'
export {
  hasObject,
  type ListedLink,
  type ListedMap,
  type ListedObject,
  type ListedPrevious,
  type ListedProgram,
  listObject,
  listPrevious,
  objectNames,
} from './list.ts'
export { liveFacts } from './live.ts'
export { isBeingChanged } from './lock.ts'
export type { KnownManifest } from './manifest-map.ts'
export { type OpenedMap, type OpenOptions, openMapAt } from './open.ts'
export { type Pinnable, pinObject, Writer, type WriterOptions } from './pin.ts'
export { openParts, type PinnedLink, type PinnedParts, pinnedVariables } from './pinned.ts'
export {
  type PinnedState,
  planInstall,
  planUpgrade,
  readState,
  refuse,
  type SuccessionOptions,
} from './planning.ts'
export { type PinSite, reusableMaps } from './reuse.ts'
export { type RollbackOptions, rollbackObject } from './rollback.ts'
export { Root, rootPath } from './root.ts'
export { createSnapshot } from './snapshot.ts'
export { openMapFile } from './stranger.ts'
export { listStrangers, type SideDirectory, type StrangePin, type Strangers } from './strangers.ts'
export type { LinkOutcome, MapOutcome, UpgradeReport } from './succession.ts'
export { type SweepReport, sweepEntries } from './sweep.ts'
export type { Carried, ConvertFunction, Merge, TakeoverOptions } from './takeover.ts'
export { findUnlisted } from './unlisted.ts'
export { removePins, report, type UnpinReport, unpinObject } from './unpin.ts'
export { upgradeObject } from './upgrade.ts'
export { withUsers } from './users.ts'
export { waitForPrograms } from './wait.ts'
export { type RootWatcher, watchRoot } from './watch.ts'
export type { Left } from './workshop.ts'
