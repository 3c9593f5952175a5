import { BpfError } from '../errors.ts'
import { BpfMap, mapTypeNumber, nextTurn, thisMachine } from '../map/index.ts'
import { keptShape, type MapShape, requestedShape } from '../plan/shape.ts'
import { mapFlag } from '../spec/kernel.ts'
import type { MatchedOps } from '../spec/struct-ops/match.ts'
import type { MapSpec } from '../spec/types.ts'
import {
  allocate,
  closeFd,
  EINVAL,
  ENOTSUPP,
  EOPNOTSUPP,
  type MapCreateOptions,
  mapCreate,
  mapFreeze,
  mapUpdate,
  systemError,
} from '../syscall/index.ts'
import { toCreate } from './capabilities.ts'
import type { LoadedBtf } from './load-btf.ts'
import { openModuleBtf } from './module-fd.ts'

/** Map types that the kernel creates only without BTF (kernel/bpf/syscall.c: map_check_btf, map_check_no_btf). */
const withoutBtf: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'perf_event_array',
  'cgroup_array',
  'stack_trace',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'sockmap',
  'sockhash',
  'queue',
  'stack',
  'ringbuf',
  'user_ringbuf',
  'arena',
])

/**
 * Creates a map, without its contents.
 *
 * @throws BpfError with the kernel's errno: EINVAL for parameters that the type does not take, ENOMEM, E2BIG, EPERM.
 */
export function createMap(spec: MapSpec, btf: LoadedBtf | undefined, ops?: MatchedOps): BpfMap {
  const asked = requestedShape(spec, thisMachine())
  refuseOtherSize(spec)
  if (ops) return createOps(spec, { ...asked, valueSize: ops.valueSize }, ops, btf)
  const inner = spec.inner && createMap(spec.inner, btf)
  try {
    const fd = create(spec, asked, btf, inner?.fd)
    if (fd < 0)
      throw systemError(fd, 'bpf(BPF_MAP_CREATE)', {
        doing: `creating map '${spec.name}' (${describe(asked)})`,
        capabilities: toCreate(asked.type),
      })
    const types = btf && { btf: btf.btf, key: spec.keyType, value: spec.valueType }
    const shape = keptShape(asked, thisMachine())
    return new BpfMap({ fd, name: spec.name, shape, types, turn: nextTurn() })
  } finally {
    inner?.close()
  }
}

/** Its value is a type of the kernel; the object's types are there because the kernel wants some (bpf_map_create). */
function createOps(
  spec: MapSpec,
  shape: MapShape,
  { valueType, from }: MatchedOps,
  btf: LoadedBtf | undefined,
): BpfMap {
  const doing = `creating map '${spec.name}' (${describe(shape)})`
  const module = from.module === undefined ? undefined : openModuleBtf(from.module, doing)
  const flags = module === undefined ? shape.flags : shape.flags | mapFlag.VTYPE_BTF_OBJ_FD
  const fd = mapCreate({
    ...plainOptions(spec, { ...shape, flags }),
    btfVmlinuxValueTypeId: valueType,
    ...(btf?.fd === undefined ? {} : { btfFd: btf.fd }),
    ...(module === undefined ? {} : { valueTypeBtfObjFd: module }),
  })
  if (module !== undefined) closeFd(module)
  if (fd >= 0) return new BpfMap({ fd, name: spec.name, shape: { ...shape, flags }, turn: nextTurn() })
  throw systemError(fd, 'bpf(BPF_MAP_CREATE)', {
    doing,
    ...(shape.flags & mapFlag.LINK ? { since: '6.4' } : {}),
  })
}

function create(spec: MapSpec, shape: MapShape, btf: LoadedBtf | undefined, innerMapFd = 0): number {
  const options = plainOptions(spec, shape)
  options.innerMapFd = innerMapFd
  const hasTypes =
    btf?.fd !== undefined && (spec.keyType !== 0 || spec.valueType !== 0) && !withoutBtf.has(shape.type)
  if (!hasTypes) return mapCreate(options)
  options.btfFd = btf.fd
  options.btfKeyTypeId = spec.keyType
  options.btfValueTypeId = spec.valueType
  const fd = mapCreate(options)
  if (fd !== EINVAL && fd !== ENOTSUPP && fd !== EOPNOTSUPP) return fd
  // some types of maps and of values the kernel takes only without BTF
  return mapCreate({ ...plainOptions(spec, shape), innerMapFd })
}

/** The kernel would read behind what there is. */
function refuseOtherSize({ name, valueSize, section }: MapSpec): void {
  if (!section || section.kind === 'arena' || valueSize === section.size) return
  throw new BpfError(`map '${name}' has values of ${valueSize} bytes, its section has ${section.size}`, {
    code: 'ERR_VALUE',
    hint: 'the variables of a section say how large it is: resize() gives the last one another length',
  })
}

/** Every field at once: thousands of maps make thousands of these. */
function plainOptions(spec: MapSpec, shape: MapShape): Writable<MapCreateOptions> {
  return {
    type: mapTypeNumber(shape.type),
    keySize: shape.keySize,
    valueSize: shape.valueSize,
    maxEntries: shape.maxEntries,
    flags: shape.flags,
    mapExtra: shape.mapExtra,
    name: spec.kernelName,
    ifindex: spec.ifindex,
    // counts only with its flag
    numaNode: spec.numaNode ?? 0,
    innerMapFd: 0,
    btfFd: 0,
    btfKeyTypeId: 0,
    btfValueTypeId: 0,
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function describe(shape: MapShape): string {
  const { type, keySize, valueSize, maxEntries } = shape
  return `${type}, key ${keySize} bytes, value ${valueSize} bytes, max_entries ${maxEntries}`
}

/**
 * Writes the initial contents of a data section, and freezes constants: the verifier believes only what can no longer
 * change.
 */
export function fillSection(map: BpfMap, { section }: MapSpec): void {
  // an arena is filled where it is mapped
  if (!section || section.kind === 'arena') return
  if (!section.isZero) {
    const key = allocate(4)
    const value = allocate(section.contents.length)
    value.bytes.set(section.contents)
    const result = mapUpdate(map.fd, key, value)
    if (result < 0) {
      throw systemError(result, 'bpf(BPF_MAP_UPDATE_ELEM)', { doing: `filling data section '${map.name}'` })
    }
  }
  if (!section.isConstant) return
  const result = mapFreeze(map.fd)
  if (result < 0)
    throw systemError(result, 'bpf(BPF_MAP_FREEZE)', { doing: `freezing the constants of '${map.name}'` })
}

/** Puts a descriptor into a slot of a map of maps or of programs. */
export function fillSlot(map: BpfMap, index: number, fd: number, what: string): void {
  const key = allocate(4)
  const value = allocate(4)
  new Uint32Array(key.bytes.buffer)[0] = index
  new Uint32Array(value.bytes.buffer)[0] = fd
  const result = mapUpdate(map.fd, key, value)
  if (result < 0) {
    throw systemError(result, 'bpf(BPF_MAP_UPDATE_ELEM)', {
      doing: `putting ${what} into slot ${index} of map '${map.name}'`,
    })
  }
}
