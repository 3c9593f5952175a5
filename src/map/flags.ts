import { BpfError } from '../errors.ts'
import { optionsOf } from '../options.ts'
import type { GetOptions, SetMode, SetOptions } from './types.ts'

const setFlags: Readonly<Record<SetMode, number>> = { any: 0, create: 1, replace: 2 }
/** BPF_EXIST, which for a full queue or stack means that the oldest element goes (kernel/bpf/queue_stack_maps.c). */
const evictFlag = 2
/** BPF_F_LOCK */
const lockFlag = 4

/** @throws BpfError `ERR_VALUE` for a mode that there is not. */
export function flagsOf(options: SetMode | SetOptions): number {
  const { mode = 'any', lock = false } =
    typeof options === 'string' ? { mode: options } : optionsOf(options, 'set()')
  const flags = Object.hasOwn(setFlags, mode) ? setFlags[mode] : undefined
  if (flags === undefined) {
    throw new BpfError(`'${String(mode)}' is none of ${Object.keys(setFlags).join(', ')}`, {
      code: 'ERR_VALUE',
    })
  }
  return lock ? flags | lockFlag : flags
}

export function lockOf(options: GetOptions | undefined): number {
  return options !== undefined && optionsOf(options, 'get()').lock ? lockFlag : 0
}

export function evictionOf(options: { readonly evict?: boolean } | undefined): number {
  return optionsOf(options, 'push()').evict ? evictFlag : 0
}
