export { programHash } from './hash.ts'
export { attachTypeId, kernelTypes } from './kernel-btf.ts'
export { type Given, type Live, liveVariables, load } from './load.ts'
export { type AttachOptions, BpfProgram, type ProgramInit, type RunInput, type RunResult } from './program.ts'
