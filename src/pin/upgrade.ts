import type { BpfLink } from '../link/index.ts'
import type { BpfMap } from '../map/index.ts'
import { type BpfProgram, opsOf } from '../object/index.ts'
import type { PinnedSwitch, Plan } from '../plan/upgrade.ts'
import type { Spec } from '../spec/types.ts'
import { itemPins, missingDirectories, refuseOneForTwo, refuseOwnDirectory, type Writer } from './pin.ts'
import { PinnedTypes } from './pinned-types.ts'
import { type PinnedState, type SuccessionOptions, wantedSwitches } from './planning.ts'
import { opsRecords, programRecord } from './recorded.ts'
import { carryReferences } from './references.ts'
import { type SucceedingLink, succeed, type UpgradeReport } from './succession.ts'
import { type TakeoverOptions, type TakeoverSide, takeoverOf } from './takeover.ts'
import { refuseUsers } from './users.ts'

/** What is to take the place of what is pinned: everything of the object that lives. */
export interface Upgrading {
  readonly spec: Spec
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
}

/**
 * Carries out a plan, with what was loaded for it (or, to relink, with what is pinned).
 *
 * @param links is filled with the links of the new generation, which are the caller's to close, also when this throws
 */
export function upgradeObject(
  live: Upgrading,
  plan: Plan,
  state: PinnedState,
  writer: Writer,
  options: SuccessionOptions & TakeoverOptions,
  links: Map<string, BpfLink>,
): UpgradeReport {
  const { spec, maps, programs } = live
  const { site } = writer
  const { generation } = state
  const pins = itemPins(live, site, generation.manifest.pins)
  refuseOneForTwo(pins)
  const wanted = new Map(wantedSwitches(spec, site, state.links).map(link => [link.name, link]))
  const old = new Map(state.links.map(link => [link.pin.name, link]))
  const succeeding = plan.links.flatMap(({ name, program, action }): SucceedingLink[] => {
    const link = wanted.get(name)
    if (!link || action === 'detach') return []
    const { place, spec, label } = link
    refuseOwnDirectory(place, site)
    return [{ place, program, action, spec, label, ...ofOld(old.get(name)) }]
  })
  const types = new PinnedTypes(spec, generation)
  const specs = new Map(spec.maps.map(map => [map.name, map]))
  const pinnedSide = (name: string, map: BpfMap): TakeoverSide => {
    const { fd, shape } = map
    const wanted = specs.get(name)
    return { fd, shape, types: wanted && types.of(wanted, { info: map.info() }) }
  }
  const takeovers = plan.maps.flatMap(map => {
    if (map.action !== 'convert') return []
    const old = required(state.maps.get(map.name))
    const next = required(maps.get(map.name))
    // what a plan calls lossy and converts all the same may lose entries
    const mayOverflow = map.verdict === 'lossy' && next.shape.maxEntries < old.shape.maxEntries
    return [takeoverOf(map.name, pinnedSide(map.name, old), next, { ...options, mayOverflow })]
  })
  refuseUsers(plan, state, writer.root)
  const ops = opsOf(spec, maps, programs)
  // the last thing that can fail of what is done after the commit
  for (const { program, action } of succeeding) {
    if (action === 'update' || action === 'gap') ops.get(program)?.prepare()
  }
  carryPrograms(live, state)
  const outside = [
    ...pins.filter(({ isThere }) => !isThere),
    ...succeeding.map(({ place }) => ({ ...place, id: 0 })),
  ]
  return succeed(
    {
      ...{ name: spec.name, maps, programs, pins, links: succeeding, takeovers },
      programRecords: [...programs.values()].flatMap(program =>
        program.spec ? programRecord(spec, program.spec) : [],
      ),
      directories: missingDirectories(outside),
      outcomes: plan.maps.flatMap(({ name, action }) => (action === 'refuse' ? [] : [{ name, action }])),
      previous: options.keepPrevious ? 'keep' : undefined,
      ...{ ops, ...opsRecords(spec) },
      btf: spec.kernelBtf?.().bytes ?? new Uint8Array(0),
    },
    generation,
    writer,
    links,
  )
}

function ofOld(old: PinnedSwitch | undefined): Pick<SucceedingLink, 'old'> {
  return old ? { old: { pin: old.pin, record: old.record } } : {}
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the plan converts a map that is not there')
  return value
}

/**
 * Fills the slots of new program arrays that somebody had filled by hand: with the new program where it was one of this
 * object's, else with the same one.
 */
function carryPrograms({ spec, maps, programs }: Upgrading, { generation, maps: old }: PinnedState): void {
  const names = new Map(
    generation.manifest.pins.flatMap(({ kind, id, name }) =>
      kind === 'program' ? [[id, name] as const] : [],
    ),
  )
  for (const { name, type } of spec.maps) {
    const [from, to] = [old.get(name), maps.get(name)]
    if (type !== 'prog_array' || !from || !to || from.id === to.id || from.type !== type) continue
    carryReferences(from, to, id => {
      const own = names.get(id)
      return own === undefined ? undefined : (programs.get(own)?.fd ?? null)
    })
  }
}
