import { BpfError } from '../errors.ts'
import { mapFlag } from '../spec/kernel.ts'
import { MappedMemory, systemError } from '../syscall/index.ts'
import { thisMachine } from './machine.ts'
import type { BpfMap } from './map.ts'
import type { VariableMemory } from './variable.ts'

/**
 * The variables of an object that lie at the start of its arena. Every process has an arena at one address, as programs put
 * addresses into it: the first that maps it chooses, unless the definition says where (`map_extra`). Linux 6.9.
 */
export class ArenaMemory implements VariableMemory {
  readonly map: BpfMap
  readonly readOnly: boolean
  readonly #length: number
  #mapped: MappedMemory | undefined

  /** @param length of the variables, in bytes */
  constructor(map: BpfMap, length: number) {
    this.map = map
    this.readOnly = map.readOnly
    // some part of it is looked at, if only to have it mapped
    this.#length = Math.max(length, 8)
  }

  /**
   * Maps the whole arena, by which the kernel learns its address: programs with variables in it are not loaded before.
   *
   * @throws BpfError with the errno of mmap: EEXIST where something else is at its address in this process, EINVAL where
   * another process has chosen the address.
   */
  open(): MappedMemory {
    if (this.#mapped) return this.#mapped
    const { map } = this
    const bytes = map.maxEntries * thisMachine().pageSize
    if (this.#length > bytes) throw tooSmall(map, bytes, this.#length)
    const address = Number(map.shape.mapExtra)
    const mapped = MappedMemory.map(map.fd, this.#length, {
      mapped: bytes,
      write: true,
      ...(address === 0 ? {} : { address }),
    })
    if (typeof mapped === 'number') {
      const hint =
        address === 0
          ? 'the process that made it has it at an address that no other can know: give it one by __ulong(map_extra, ...)'
          : `its address is 0x${address.toString(16)} (map_extra), and must be free in every process that maps it`
      throw systemError(mapped, 'mmap', { doing: `mapping arena '${map.name}'`, hint })
    }
    this.#mapped = mapped
    return mapped
  }

  read(offset: number, length: number): Uint8Array {
    this.#mustBeThere()
    return this.open().read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#mustBeThere()
    this.open().write(offset, bytes)
  }

  close(): void {
    this.#mapped?.close()
  }

  /** What cannot be mapped has no other way in; and what would end this process is not touched. */
  #mustBeThere(): void {
    const { name, shape, readOnly } = this.map
    const isDeadly = (shape.flags & mapFlag.SEGV_ON_FAULT) !== 0
    if (!readOnly && !isDeadly) return
    const why = isDeadly ? 'its flag BPF_F_SEGV_ON_FAULT would end this process' : 'it was opened for reading'
    throw new BpfError(`the variables in arena '${name}' cannot be reached: ${why}`, {
      code: 'ERR_READ_ONLY',
    })
  }
}

/** Memory behind the mapping is nobody's, or somebody else's. */
function tooSmall({ name, maxEntries }: BpfMap, bytes: number, length: number): BpfError {
  return new BpfError(
    `arena '${name}' has ${bytes} bytes (${maxEntries} pages), and its variables take ${length}`,
    { code: 'ERR_VALUE', hint: 'give it more pages: maxEntries, __uint(max_entries, ...)' },
  )
}
