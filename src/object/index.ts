export { programHash } from './hash.ts'
export { attachTypeId, kernelTypes } from './kernel-btf.ts'
export { type Given, type Live, liveVariables, load } from './load.ts'
export { BpfProgram, type ProgramInit } from './program.ts'
