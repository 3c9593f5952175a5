import { BpfError } from '../errors.ts'
import { type BpfMap, thisMachine } from '../map/index.ts'
import type { MapSpec } from '../spec/types.ts'
import { MappedMemory, systemError } from '../syscall/index.ts'

const EINVAL = -22

/**
 * Maps an arena once, which gives it the address that programs are verified with (kernel/bpf/verifier.c:
 * check_map_prog_compatibility), and writes what its variables start with.
 *
 * @returns the memory of the variables, the caller's to close; `undefined` where there are none
 * @throws BpfError `ERR_VALUE` where it has less room than its variables need; the kernel's errno, EEXIST where something
 * else is at the address that its definition asks for.
 */
export function mapArena({ fd, name }: BpfMap, spec: MapSpec): MappedMemory | undefined {
  const { globals, mapExtra } = spec
  const length = spec.maxEntries * thisMachine().pageSize
  if (globals && globals.size > length) {
    throw new BpfError(`arena '${name}' has ${length} bytes, its variables have ${globals.size}`, {
      code: 'ERR_VALUE',
      hint: 'its max_entries counts pages',
    })
  }
  const at = Number(mapExtra)
  const mapped =
    at <= Number.MAX_SAFE_INTEGER
      ? MappedMemory.mapMore(fd, length, globals?.size ?? 0, { write: true, address: at })
      : EINVAL
  if (typeof mapped === 'number') {
    const place = at === 0 ? '' : ` at 0x${mapExtra.toString(16)}`
    throw systemError(mapped, 'mmap', { doing: `mapping arena '${name}' of ${length} bytes${place}` })
  }
  if (globals) {
    if (!globals.isZero) mapped.write(0, globals.contents)
    return mapped
  }
  mapped.close()
  return undefined
}
