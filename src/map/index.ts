export { ArenaMemory } from './arena.ts'
export { type EventOptions, EventReader } from './event-reader.ts'
export type { EventType } from './event-types.ts'
export { learnIds, nextTurn } from './ids.ts'
export { kernelsBtf } from './kernels-btf.ts'
export { thisMachine } from './machine.ts'
export { BpfMap } from './map.ts'
export { MapMemory } from './map-memory.ts'
export type { RawCallback } from './record-ring.ts'
export { RingWriter, type RingWriterOptions } from './ring-writer.ts'
export { mapTypeNumber, shapeOf } from './shape.ts'
export type {
  Entry,
  GetOptions,
  HasFd,
  MapInit,
  MapTypes,
  SetMode,
  SetOptions,
  StorageOwner,
} from './types.ts'
export { SectionMemory, Variable, type VariableInit, type VariableMemory } from './variable.ts'
