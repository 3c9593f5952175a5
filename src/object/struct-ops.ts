import { BpfError } from '../errors.ts'
import { attachProgram, BpfLink, fillOpsMap, type OpsState, opsState, Registration } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import type { CoreTarget } from '../spec/core/candidates.ts'
import { mapFlag } from '../spec/kernel.ts'
import { type LinkOwner, opsOwner } from '../spec/link-owner.ts'
import { loadedPrograms } from '../spec/loaded.ts'
import { fillOps, type MatchedOps, matchOps } from '../spec/struct-ops/match.ts'
import { targetText } from '../spec/targets.ts'
import type { MapSpec, Spec } from '../spec/types.ts'
import { duplicateFd, systemError } from '../syscall/index.ts'
import { runningKernel } from './core-target.ts'
import type { BpfProgram } from './program.ts'

/** What a live struct_ops map is made from. */
export interface StructOpsInit {
  readonly spec: MapSpec
  readonly map: BpfMap
  /** The map's value with the descriptors of its programs. */
  value(): Uint8Array
}

/** What a struct_ops map registers with the kernel: a struct of functions, each a program of the object. */
export class BpfStructOps {
  /** That of its map. */
  readonly name: string
  /** Where it is attached, and how its link is pinned. */
  readonly owner: LinkOwner
  readonly #init: StructOpsInit
  #onAttach: ((link: BpfLink) => void) | undefined

  constructor(init: StructOpsInit) {
    const owner = opsOwner(init.spec)
    if (!owner) throw new Error(`map '${init.spec.name}' is no struct_ops map`)
    this.name = owner.name
    this.owner = owner
    this.#init = init
  }

  /** Where the map stands. */
  get state(): OpsState {
    const { map } = this.#init
    return opsState(map.fd, map.valueSize)
  }

  /**
   * Registers the struct with the kernel. A map of SEC(".struct_ops.link") gets a link, which is one of its object's
   * `links` and as long there as a pin or descriptor (Linux 6.4). One of SEC(".struct_ops") is registered as long as the
   * result is open: it cannot be pinned, and a process that is killed leaves it registered.
   *
   * @throws BpfError EEXIST where one of that name is registered, EINVAL where the subsystem refuses the struct.
   */
  attach(): BpfLink {
    const { map } = this.#init
    const { owner } = this
    const { target } = owner
    const doing = `registering map '${this.name}' as ${target ? targetText(target) : '?'}`
    fillOpsMap(map.fd, this.#init.value(), doing)
    const link = this.#hasLink ? attachProgram({ spec: owner, fd: map.fd }) : this.#registered(doing)
    this.#onAttach?.(link)
    return link
  }

  /** @internal Gives the map its struct, so that links to the map can be made and switched by whoever has the map only. */
  prepare(): void {
    if (this.#hasLink) fillOpsMap(this.#init.map.fd, this.#init.value(), `filling map '${this.name}'`)
  }

  /** @internal Tells the object of each link that {@link attach} makes from now on. */
  onAttach(tell: (link: BpfLink) => void): void {
    this.#onAttach = tell
  }

  get #hasLink(): boolean {
    return (this.#init.map.shape.flags & mapFlag.LINK) !== 0
  }

  #registered(doing: string): BpfLink {
    const { map } = this.#init
    const fd = duplicateFd(map.fd)
    if (fd < 0) throw systemError(fd, 'fcntl', { doing })
    return new BpfLink({
      ...{ fd, name: this.name, program: this.name, target: this.owner.target },
      registration: new Registration(fd, map.id, map.valueSize),
      unpinnable: 'its map is registered without a link: SEC(".struct_ops.link") has one',
    })
  }
}

/** The struct_ops maps of an object as this kernel takes them. */
export interface ResolvedOps {
  /** By the map's name. */
  readonly maps: ReadonlyMap<string, MatchedOps>
  /** What the kernel's verifier is told of each program that they point to, by its name. */
  readonly programs: ReadonlyMap<string, OpsProgram>
}

/** The function that a program is to be. */
export interface OpsProgram {
  readonly ops: MatchedOps
  /** Index of the member. */
  readonly member: number
}

/**
 * Finds the structs of an object's struct_ops maps in the kernel. An object without any costs nothing.
 *
 * @throws BpfError `ERR_STRUCT_OPS` for a map that this kernel does not take, `ERR_UNKNOWN_NAME` for a program that it is to
 * point to and that is not there.
 */
export function resolveOps(spec: Spec, kernel: CoreTarget): ResolvedOps {
  const maps = new Map<string, MatchedOps>()
  const programs = new Map<string, OpsProgram & { readonly map: string }>()
  for (const { name, structOps, autocreate } of spec.maps) {
    if (!structOps || !autocreate) continue
    const ops = matchOps(name, structOps, kernel)
    maps.set(name, ops)
    for (const { program, member } of ops.functions) {
      refuseOther(spec, name, program)
      const other = programs.get(program)
      if (other && (other.member !== member || other.ops.struct !== ops.struct)) {
        throw twoPlaces(program, [other.map, other.ops, other.member], [name, ops, member])
      }
      programs.set(program, { map: name, ops, member })
    }
  }
  refuseUnused(spec, programs)
  return { maps, programs }
}

/** A map can be told to point to anything. */
function refuseOther({ programs }: Spec, map: string, name: string): void {
  const program = programs.find(one => one.name === name)
  if (program?.type === 'struct_ops') return
  const what = program ? `SEC("${program.section}") makes it a program of another kind` : 'there is none'
  throw new BpfError(`map '${map}' points to program '${name}': ${what}`, {
    code: program ? 'ERR_STRUCT_OPS' : 'ERR_UNKNOWN_NAME',
    hint: 'a function of a struct is a program with SEC("struct_ops")',
  })
}

type OpsPlace = readonly [map: string, ops: MatchedOps, member: number]

/** The verifier checks a program for one function (kernel/bpf/verifier.c: check_struct_ops_btf_id). */
function twoPlaces(program: string, ...places: readonly OpsPlace[]): BpfError {
  const both = places.map(
    ([map, { struct }, member]) => `${struct.name}.${struct.members[member]?.name} in map '${map}'`,
  )
  return new BpfError(`program '${program}' cannot be both ${both.join(' and ')}`, {
    code: 'ERR_STRUCT_OPS',
    hint: 'a program is loaded for one member of one struct; write it twice',
  })
}

function refuseUnused(spec: Spec, used: ReadonlyMap<string, unknown>): void {
  const unused = loadedPrograms(spec).find(({ type, name }) => type === 'struct_ops' && !used.has(name))
  if (!unused) return
  throw new BpfError(
    `program '${unused.name}': SEC("${unused.section}") makes it a function of a struct, but no map of SEC(".struct_ops") points to it`,
    { code: 'ERR_STRUCT_OPS', hint: 'put it into a struct, or set its autoload to false' },
  )
}

/** What the struct_ops maps of an object register, by name; the kernel's structs are looked at when one is attached. */
export function opsOf(
  spec: Spec,
  maps: ReadonlyMap<string, BpfMap>,
  programs: ReadonlyMap<string, BpfProgram>,
): Map<string, BpfStructOps> {
  const found = new Map<string, BpfStructOps>()
  for (const map of spec.maps) {
    const { name, structOps } = map
    const live = structOps && maps.get(name)
    if (!live) continue
    const value = (): Uint8Array =>
      fillOps(matchOps(name, structOps, runningKernel()), program => fdOf(programs, name, program))
    found.set(name, new BpfStructOps({ spec: map, map: live, value }))
  }
  return found
}

function fdOf(programs: ReadonlyMap<string, BpfProgram>, map: string, name: string): number {
  const program = programs.get(name)
  if (program) return program.fd
  throw new BpfError(`map '${map}' points to program '${name}', which is not loaded`, {
    code: 'ERR_UNKNOWN_NAME',
  })
}
