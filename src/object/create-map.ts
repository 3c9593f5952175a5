import { BpfError } from '../errors.ts'
import { BpfMap, mapTypeNumber, nextTurn, thisMachine } from '../map/index.ts'
import { keptShape, type MapShape, type MapTypes, requestedShape } from '../plan/shape.ts'
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

/** What maps are asked for with that differ in nothing but their names. */
interface Request {
  /** The first of them. */
  readonly spec: MapSpec
  readonly asked: MapShape
  readonly kept: MapShape
  readonly types: MapTypes | undefined
  /** Of each map; its name is put in. */
  readonly options: Writable<MapCreateOptions>
}

/** Creates the maps of an object. Of thousands most are like the one before: they share all but their names. */
export class MapCreator {
  readonly #btf: LoadedBtf | undefined
  #last: Request | undefined

  constructor(btf: LoadedBtf | undefined) {
    this.#btf = btf
  }

  /**
   * Creates a map, without its contents.
   *
   * @throws BpfError with the kernel's errno: EINVAL for parameters that the type does not take, ENOMEM, E2BIG, EPERM.
   */
  create(spec: MapSpec, ops?: MatchedOps): BpfMap {
    refuseOtherSize(spec)
    const request = this.#last && isLike(spec, this.#last.spec) ? this.#last : this.#requestFor(spec)
    if (ops) return createOps(spec, { ...request.asked, valueSize: ops.valueSize }, ops, this.#btf)
    const inner = spec.inner && new MapCreator(this.#btf).create(spec.inner)
    try {
      request.options.name = spec.kernelName
      request.options.innerMapFd = inner?.fd ?? 0
      const fd = create(request.options)
      if (fd < 0)
        throw systemError(fd, 'bpf(BPF_MAP_CREATE)', {
          doing: `creating map '${spec.name}' (${describe(request.asked)})`,
          capabilities: toCreate(spec.type),
        })
      const { kept: shape, types } = request
      return new BpfMap({ fd, name: spec.name, shape, types, turn: nextTurn() })
    } finally {
      inner?.close()
    }
  }

  #requestFor(spec: MapSpec): Request {
    const btf = this.#btf
    const asked = requestedShape(spec, thisMachine())
    const types = btf && { btf: btf.btf, key: spec.keyType, value: spec.valueType }
    const hasTypes = (spec.keyType !== 0 || spec.valueType !== 0) && !withoutBtf.has(spec.type)
    const options = plainOptions(spec, asked)
    if (hasTypes && btf?.fd !== undefined) {
      options.btfFd = btf.fd
      options.btfKeyTypeId = spec.keyType
      options.btfValueTypeId = spec.valueType
    }
    this.#last = { spec, asked, kept: keptShape(asked, thisMachine()), types, options }
    return this.#last
  }
}

/** Are the same things asked of the kernel for two maps, but for their names and what they hold? */
function isLike(a: MapSpec, b: MapSpec): boolean {
  return (
    a.type === b.type &&
    a.keySize === b.keySize &&
    a.valueSize === b.valueSize &&
    a.maxEntries === b.maxEntries &&
    a.flags === b.flags &&
    a.mapExtra === b.mapExtra &&
    a.numaNode === b.numaNode &&
    a.ifindex === b.ifindex &&
    a.keyType === b.keyType &&
    a.valueType === b.valueType
  )
}

/** Some types of maps and of values the kernel takes only without BTF. */
function create(options: MapCreateOptions): number {
  const fd = mapCreate(options)
  if (options.btfFd === 0 || (fd !== EINVAL && fd !== ENOTSUPP && fd !== EOPNOTSUPP)) return fd
  return mapCreate({ ...options, btfFd: 0, btfKeyTypeId: 0, btfValueTypeId: 0 })
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

/** The kernel would read behind what there is. */
function refuseOtherSize({ name, valueSize, section }: MapSpec): void {
  if (!section || section.kind === 'arena' || valueSize === section.size) return
  throw new BpfError(`map '${name}' has values of ${valueSize} bytes, its section has ${section.size}`, {
    code: 'ERR_VALUE',
    hint: 'the variables of a section say how large it is: resize() gives the last one another length',
  })
}

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
