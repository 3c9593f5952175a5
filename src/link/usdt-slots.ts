import { BpfError } from '../errors.ts'
import { usdtMaps, usdtSpecSizes } from '../spec/usdt/spec.ts'
import {
  allocate,
  E2BIG,
  EEXIST,
  type MapInfo,
  mapInfo,
  mapLookup,
  mapUpdate,
  systemError,
} from '../syscall/index.ts'
import type { Attaching } from './family.ts'

const BPF_NOEXIST = 1

/**
 * Puts what is known of places of probes into the object's `__bpf_usdt_specs`, and says in which slot each is. The map may
 * be pinned, and links of other processes may have the numbers of its slots: so a slot that has something is never
 * written to, but serves everybody who needs the same.
 *
 * Who writes a slot has claimed it in the other map of usdt.bpf.h, which the kernel lets only one do. Programs look there for
 * addresses, and only on kernels without cookies; a claim has a number below 0, where no program of a user is. An object
 * that makes that map too small (BPF_USDT_MAX_IP_CNT) has to keep processes from attaching at the same moment.
 *
 * @param specsOf what is to be told, in values of so many bytes
 * @throws BpfError `ERR_UNKNOWN_NAME` where the object has no such maps, `E2BIG` where they are full.
 */
export function claimSlots(program: Attaching, specsOf: (size: number) => readonly Uint8Array[]): number[] {
  const { doing } = program
  const table = mapNamed(program, usdtMaps.specs)
  const claims = mapNamed(program, usdtMaps.places)
  const { id, maxEntries, valueSize } = tableInfo(table, doing)
  const free = '\0'.repeat(valueSize)
  const key = allocate(4)
  const value = allocate(valueSize)
  const read = (slot: number): string => {
    new Uint32Array(key.bytes.buffer)[0] = slot
    check(mapLookup(table, key, value), 'bpf(BPF_MAP_LOOKUP_ELEM)', doing)
    return textOf(value.bytes)
  }
  const known = new Map<string, number>()
  let next = 0
  return specsOf(valueSize).map(spec => {
    const wanted = textOf(spec)
    for (; !known.has(wanted) && next < maxEntries; next++) {
      const found = read(next)
      if (found !== free) known.set(found, next)
      // no slot in use is all zero (spec/usdt-spec.ts)
      else if (claim(claims, id, next, doing)) {
        value.bytes.set(spec)
        check(mapUpdate(table, key, value), 'bpf(BPF_MAP_UPDATE_ELEM)', doing)
        known.set(wanted, next)
      }
    }
    const slot = known.get(wanted)
    if (slot === undefined) throw full(maxEntries, doing)
    return slot
  })
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** Is the slot ours, and nobody else's? */
function claim(claims: number, table: number, slot: number, doing: string): boolean {
  const key = allocate(8)
  const value = allocate(4)
  new BigInt64Array(key.bytes.buffer)[0] = -((BigInt(table) << 31n) | BigInt(slot))
  new Uint32Array(value.bytes.buffer)[0] = slot
  const result = mapUpdate(claims, key, value, BPF_NOEXIST)
  if (result === EEXIST) return false
  if (result !== E2BIG) check(result, 'bpf(BPF_MAP_UPDATE_ELEM)', doing)
  return true
}

function tableInfo(fd: number, doing: string): Pick<MapInfo, 'id' | 'maxEntries' | 'valueSize'> {
  const info = mapInfo(fd)
  if (typeof info === 'number') throw systemError(info, 'bpf(BPF_OBJ_GET_INFO_BY_FD)', { doing })
  const { keySize, valueSize } = info
  if (keySize === 4 && usdtSpecSizes.includes(valueSize)) return info
  throw new BpfError(
    `${doing}: map '${usdtMaps.specs}' has keys of ${keySize} and values of ${valueSize} bytes, expected 4 and ${usdtSpecSizes.join(' or ')}`,
    {
      code: 'ERR_UNSUPPORTED',
      hint: 'the <bpf/usdt.bpf.h> that the object was compiled with has another layout than those of libbpf 1.1 to 1.7',
    },
  )
}

function mapNamed({ maps, doing }: Attaching, name: string): number {
  const map = maps?.get(name)
  if (map) return map.fd
  throw new BpfError(`${doing}: the object has no map '${name}', which says where the arguments are`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: 'include <bpf/usdt.bpf.h> in its source, and leave its maps to be created',
  })
}

function full(maxEntries: number, doing: string): BpfError {
  return new BpfError(
    `${doing}: all ${maxEntries} slots of map '${usdtMaps.specs}' have the arguments of other places`,
    {
      code: 'E2BIG',
      hint: `set its maxEntries before loading, or define BPF_USDT_MAX_SPEC_CNT in front of <bpf/usdt.bpf.h>`,
    },
  )
}

function check(result: number, syscall: string, doing: string): void {
  if (result < 0) throw systemError(result, syscall, { doing: `${doing}: saying where its arguments are` })
}
