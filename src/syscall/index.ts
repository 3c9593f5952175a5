export { type BtfInfo, btfBytes, btfInfo, btfLoad, btfLoadLogged } from './bpf-btf.ts'
export {
  iterCreate,
  type LinkCreateOptions,
  type LinkDetail,
  type LinkOrder,
  linkCreate,
  linkDetach,
  linkUpdate,
  rawTracepointOpen,
} from './bpf-link.ts'
export { type LinkInfo, type LinkTarget, linkInfo, type PerfTarget } from './bpf-link-info.ts'
export {
  type MapBatch,
  type MapCreateOptions,
  mapCreate,
  mapDelete,
  mapDeleteBatch,
  mapFreeze,
  mapGetNextKey,
  mapLookup,
  mapLookupAndDelete,
  mapLookupAndDeleteBatch,
  mapLookupBatch,
  mapUpdate,
  mapUpdateBatch,
} from './bpf-map.ts'
export {
  btfGetFdById,
  btfGetNextId,
  linkGetFdById,
  linkGetNextId,
  type MapInfo,
  mapGetFdById,
  mapGetNextId,
  mapInfo,
  type NamedMapInfo,
  namedMapInfo,
  type ObjectKind,
  objectKind,
  objGet,
  objPin,
  type ProgInfo,
  progGetFdById,
  progGetNextId,
  progInfo,
} from './bpf-object.ts'
export {
  enableRunStats,
  type InfoRecords,
  type ProgLoadOptions,
  progBindMap,
  progLoad,
  progLoadLogged,
  progStreamRead,
  progTestRun,
  streamId,
  type TestRun,
  type TestRunOptions,
} from './bpf-prog.ts'
export { getAffinity, membarrierGlobal, setAffinity } from './cpus.ts'
export { epollAdd, epollCreate, epollDelete, epollWait } from './epoll.ts'
export {
  E2BIG,
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EINTR,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENODEV,
  ENOENT,
  ENOLINK,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENOTDIR,
  ENOTEMPTY,
  ENOTSUPP,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  errnoName,
} from './errno.ts'
export { type About, systemError } from './error.ts'
export {
  BPF_FS_MAGIC,
  changeMode,
  changeOwner,
  closedAfter,
  closedOnThrow,
  closeFd,
  closeRange,
  type DirectoryEntry,
  duplicateFd,
  type FileStatus,
  fileStatus,
  fileSystemType,
  lockFile,
  lockFlag,
  makeDirectory,
  openFile,
  openFlag,
  openWithoutLinks,
  readDirectory,
  readLink,
  removeDirectory,
  renameFile,
  renameFlag,
  reserveDescriptors,
  unlinkFile,
} from './files.ts'
export { Keeper, notForgotten, whenForgotten } from './forgotten.ts'
export { type InterceptedCall, type Interceptor, interceptSyscalls } from './gate.ts'
export { interfaceIndex } from './interfaces.ts'
export type { LogBuffer, Logged } from './kernel-log.ts'
export { type Listing, readListing } from './listing.ts'
export { mapOver } from './map-over.ts'
export { type Mapping, mapMemory } from './mapping.ts'
export { addressOf, allocate, type MapOptions, MappedMemory, type Memory } from './memory.ts'
export { mountDetached } from './mount.ts'
export { AT_FDCWD } from './path.ts'
export {
  type PerfEventOptions,
  perfEventDisable,
  perfEventEnable,
  perfEventOpen,
  perfEventSetBpf,
} from './perf.ts'
export { type Poll, startPoll } from './poll.ts'
export { openProcess } from './process.ts'
export { settledPath } from './settled-path.ts'
export {
  activeLsms,
  type CapabilityName,
  effectiveCapabilities,
  hasSeccompFilter,
  isInUserNamespace,
  type Limit,
  type Lockdown,
  limitOf,
  lockdownMode,
  type Mount,
  mountsOf,
  textOf,
} from './surroundings.ts'
export { takeTokensFrom, tokenCreate } from './token.ts'
