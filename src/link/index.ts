export { attachProgram, wantsToAttach } from './attach.ts'
export type { Attachable } from './family.ts'
export { BpfLink, type LinkInit } from './link.ts'
