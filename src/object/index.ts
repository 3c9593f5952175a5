export { attachTypeId, kernelTypes } from './kernel-btf.ts'
export { type Given, type Live, type LiveProgram, liveVariables, load } from './load.ts'
