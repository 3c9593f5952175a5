import { machineIsLittleEndian } from '../btf/byte-order.ts'
import { closeAll } from '../closing.ts'
import { BpfError } from '../errors.ts'
import { ArenaMemory, type BpfMap, SectionMemory, Variable, type VariableMemory } from '../map/index.ts'
import { Named } from '../plan/named.ts'
import { functionsOf } from '../spec/assemble.ts'
import type { CoreTarget } from '../spec/core/candidates.ts'
import { resolveCore } from '../spec/core/relocate.ts'
import { resolveExterns } from '../spec/externs/resolve.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import { closeFd, progBindMap, reserveDescriptors } from '../syscall/index.ts'
import { fillSection, fillSlot, MapCreator } from './create-map.ts'
import { RunningKernel } from './kernel-symbols.ts'
import { type LoadedBtf, loadBtf } from './load-btf.ts'
import { loadProgram } from './load-program.ts'
import { BpfProgram } from './program.ts'
import { type ResolvedOps, resolveOps } from './struct-ops.ts'

/** What the kernel holds of an object, by name. Whoever has it closes it. */
export interface Live {
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly variables: ReadonlyMap<string, Variable>
  /** The mapped memory behind the variables. */
  readonly sections: readonly VariableMemory[]
}

/** What already lives and is to be used instead of being created. */
export interface Given {
  /** Maps by name in the object. They are taken over: closed with the object, and when loading fails. */
  readonly maps?: ReadonlyMap<string, BpfMap>
  /** The types that CO-RE relocations are resolved by; default those of the running kernel. */
  readonly types?: CoreTarget
}

/**
 * Loads an object into the kernel: its maps, but for those given; their initial contents, which a given map does not
 * get; its programs.
 *
 * @throws BpfError, VerifierError. Everything that was made, and everything that was given, is closed then.
 */
export function load(spec: Spec, given: Given = {}): Live {
  const created: BpfMap[] = []
  const programs = new Map<string, BpfProgram>()
  let btf: LoadedBtf | undefined
  const arenas = new Map<string, ArenaMemory>()
  try {
    refuseOtherByteOrder(spec)
    using kernel = new RunningKernel()
    const loaded = loadedPrograms(spec)
    const ops = resolveOps(spec, kernel)
    const core = resolveCore(spec, loaded.flatMap(functionsOf), given.types ?? kernel)
    const externs = resolveExterns(spec, kernel)
    const all = allGiven(spec, given)
    // where nothing is made, nobody needs them in the kernel
    if (loaded.length > 0 || !all) btf = loadBtf(spec)
    // best effort: where so many may not be open, creating one of them says so
    reserveDescriptors(spec.maps.length + spec.programs.length)
    const maps = all ?? createMaps(spec, created, given, btf, ops)
    openArenas(spec, maps, given, arenas)
    const constants = constantMaps(spec, maps)
    const types = () => spec.btf
    for (const program of loaded) {
      const relocations = { core, externs }
      const { fd, log } = loadProgram(spec, program, maps, btf, relocations, ops.programs.get(program.name))
      programs.set(program.name, new BpfProgram({ name: program.name, fd, spec: program, maps, types, log }))
      bindConstants(constants, fd)
    }
    fillProgramArrays(spec, maps, programs, given)
    return { maps, programs, ...liveVariables(spec, maps, arenas) }
  } catch (error) {
    closeAll(arenas.values(), given.maps?.values() ?? [], created, programs.values())
    throw error
  } finally {
    if (btf?.fd !== undefined) closeFd(btf.fd)
  }
}

function refuseOtherByteOrder({ elf }: Spec): void {
  if (elf.littleEndian === machineIsLittleEndian) return
  const [object, host] = machineIsLittleEndian ? ['big', 'little'] : ['little', 'big']
  throw new BpfError(`the object is ${object}-endian, this machine is ${host}-endian`, {
    code: 'ERR_BYTE_ORDER',
    hint: `compile with -target ${machineIsLittleEndian ? 'bpfel' : 'bpfeb'}`,
  })
}

/** The maps that are given, where those are all that the object has, in its order: then none is created. */
function allGiven({ maps: specs }: Spec, { maps }: Given): ReadonlyMap<string, BpfMap> | undefined {
  if (maps?.size !== specs.length) return undefined
  let i = 0
  for (const { name } of maps.values()) if (specs[i++]?.name !== name) return undefined
  return maps
}

/** @param created is filled with those that were created, also when this throws */
function createMaps(
  spec: Spec,
  created: BpfMap[],
  given: Given,
  btf: LoadedBtf | undefined,
  ops: ResolvedOps,
): ReadonlyMap<string, BpfMap> {
  const all: BpfMap[] = []
  const creator = new MapCreator(btf)
  for (const map of spec.maps) {
    const known = given.maps?.get(map.name)
    if (known) all.push(known)
    if (known || !map.autocreate) continue
    const live = creator.create(map, ops.maps.get(map.name))
    created.push(live)
    all.push(live)
    fillSection(live, map)
  }
  const maps = new Named(all)
  for (const { map, slots } of ownSlots(spec, maps, given)) {
    for (const { index, kind, name } of slots) {
      if (kind !== 'map') continue
      const inner = maps.get(name) ?? missing(map, index, `map '${name}' is not created: its autocreate`)
      fillSlot(map, index, inner.fd, `map '${name}'`)
    }
  }
  return maps
}

/**
 * Makes a program hold the object's constants, also those that it does not use, so that tools find what is noted in
 * them (`bpftool prog show` prints `bpf_metadata_*`). Nothing depends on it: before Linux 5.10 it is not done.
 */
function bindConstants(constants: readonly BpfMap[], programFd: number): void {
  for (const map of constants) progBindMap(programFd, map.fd)
}

/** An arena has an address before the first program with it is loaded, and its variables their first values. */
function openArenas(
  spec: Spec,
  maps: ReadonlyMap<string, BpfMap>,
  given: Given,
  arenas: Map<string, ArenaMemory>,
): void {
  for (const { name, type, section } of spec.maps) {
    if (type !== 'arena') continue
    const map = maps.get(name)
    if (!map || given.maps?.has(name)) continue
    const arena = new ArenaMemory(map, section?.size ?? 0)
    arenas.set(name, arena)
    arena.open()
    if (section && !section.isZero) arena.write(0, section.contents)
  }
}

function constantMaps(spec: Spec, maps: ReadonlyMap<string, BpfMap>): BpfMap[] {
  const constant = spec.maps.filter(({ section }) => section?.kind === 'rodata')
  return constant.flatMap(({ name }) => maps.get(name) ?? [])
}

function fillProgramArrays(
  spec: Spec,
  maps: ReadonlyMap<string, BpfMap>,
  programs: ReadonlyMap<string, BpfProgram>,
  given: Given,
): void {
  for (const { map, slots } of ownSlots(spec, maps, given)) {
    for (const { index, kind, name } of slots) {
      if (kind !== 'program') continue
      const program =
        programs.get(name) ?? missing(map, index, `program '${name}' is not loaded: its autoload`)
      fillSlot(map, index, program.fd, `program '${name}'`)
    }
  }
}

/** A slot that stays empty is found when nothing happens where a program goes through it. */
function missing(map: BpfMap, index: number, what: string): never {
  throw new BpfError(`slot ${index} of map '${map.name}': ${what} is false`, {
    code: 'ERR_UNKNOWN_NAME',
    hint: `set it to true, or the map's autocreate to false and fill another one by hand`,
  })
}

/** The maps whose slots are this object's to fill: nothing is ever put into a map that was given. */
function ownSlots(
  spec: Spec,
  maps: ReadonlyMap<string, BpfMap>,
  given: Given,
): { map: BpfMap; slots: MapSpec['slots'] }[] {
  const own = spec.maps.filter(({ name, slots }) => slots.length > 0 && !given.maps?.has(name))
  return own.flatMap(({ name, slots }) => {
    const map = maps.get(name)
    return map ? [{ map, slots }] : []
  })
}

/** The variables of an object whose maps live. */
export function liveVariables(
  spec: Spec,
  maps: ReadonlyMap<string, BpfMap>,
  arenas: ReadonlyMap<string, ArenaMemory> = new Map(),
): Pick<Live, 'variables' | 'sections'> {
  const memories = new Map<string, VariableMemory>(arenas)
  for (const { name, section } of spec.maps) {
    const map = section && maps.get(name)
    if (!map || memories.has(name)) continue
    const isArena = section.kind === 'arena'
    memories.set(
      name,
      isArena ? new ArenaMemory(map, section.size) : new SectionMemory(map, section.isConstant),
    )
  }
  const variables = new Map<string, Variable>()
  for (const variable of spec.variables) {
    const { name, offset, size } = variable
    const memory = memories.get(variable.map)
    if (memory) variables.set(name, new Variable({ name, offset, size, codec: () => variable.codec }, memory))
  }
  return { variables, sections: [...memories.values()] }
}
