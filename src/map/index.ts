export { thisMachine } from './machine.ts'
export { BpfMap, type MapInit, mapTypeNumber, type SetMode } from './map.ts'
export type { Entry, MapTypes } from './types.ts'
export { SectionMemory, Variable, type VariableInit } from './variable.ts'
