export { attachProgram, type PlannedLink, plannedLinks } from './attach.ts'
export type { Attachable, MapsByName } from './family.ts'
export { openReplaced, type Replaced } from './freplace.ts'
export { BpfLink, type LinkInit } from './link.ts'
