export { attachProgram, type PlannedLink, plannedLinks } from './attach.ts'
export type { Attachable, MapsByName } from './family.ts'
export { type Replaced, replacedBy } from './freplace.ts'
export { BpfLink, type LinkInit } from './link.ts'
