import { BpfError } from '../errors.ts'
import { type Plan, type PlannedMap, refusedOf } from '../plan/upgrade.ts'
import { closeFd, type ProgInfo, progGetFdById, progGetNextId, progInfo } from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'
import { idlePrograms } from './former.ts'
import { readPrevious } from './generation.ts'
import type { PinnedState } from './planning.ts'
import type { Root } from './root.ts'

/** A program or link goes some time after its last descriptor (kernel/bpf/syscall.c: bpf_link_put, bpf_prog_put). */
const patienceMs = 1000
const pauseMs = 10

/** A program that uses a map which is to have another in its place. */
export interface MapUser {
  readonly map: string
  readonly program: string
  readonly id: number
}

/**
 * Programs that would go on with the old one of a map that is converted or replaced: all that use it but those of the
 * object's generations, of which the kept one runs no more, nor do earlier ones that somebody merely holds.
 */
export function otherUsers({ object, maps }: Plan, state: PinnedState, root: Root): MapUser[] {
  const { generation, maps: open } = state
  const given = new Map(
    maps.flatMap(({ name, action }) => {
      const map = action === 'convert' || action === 'replace' ? open.get(name) : undefined
      return map ? [[map.id, name] as const] : []
    }),
  )
  if (given.size === 0) return []
  const { pins, former = [] } = generation.manifest
  const all = [...pins, ...(readPrevious(root, object)?.manifest.pins ?? [])]
  const own = new Set(all.flatMap(({ kind, id }) => (kind === 'program' ? id : [])))
  const others = Array.from(loadedPrograms()).filter(
    ({ id, mapIds }) => !own.has(id) && mapIds.some(mapId => given.has(mapId)),
  )
  const idle = idlePrograms(others.filter(({ id }) => former.includes(id)))
  return others.flatMap(({ id, name, mapIds }) =>
    idle.has(id)
      ? []
      : mapIds.flatMap(mapId => {
          const map = given.get(mapId)
          return map === undefined ? [] : { map, program: name, id }
        }),
  )
}

function* loadedPrograms(): Generator<ProgInfo> {
  for (let id = progGetNextId(0); id > 0; id = progGetNextId(id)) {
    const fd = progGetFdById(id)
    if (fd < 0) continue // it went meanwhile
    const info = progInfo(fd)
    closeFd(fd)
    if (typeof info !== 'number') yield info
  }
}

/**
 * Whoever is about to go is waited for, a second at most.
 *
 * @throws BpfError `ERR_MAP_SHARED`
 */
export function refuseUsers(plan: Plan, state: PinnedState, root: Root): void {
  const end = performance.now() + patienceMs
  let [first] = otherUsers(plan, state, root)
  while (first && performance.now() < end) {
    pause(pauseMs)
    ;[first] = otherUsers(plan, state, root)
  }
  if (!first) return
  const { map, program, id } = first
  throw new BpfError(
    `upgrading object '${plan.object}': map '${map}' cannot be converted, as program '${program}' with id ${id} uses it, too`,
    {
      code: 'ERR_MAP_SHARED',
      path: plan.path,
      hint: `it would go on with the old map: detach and unload it, or end what holds it (bpftool prog show id ${id})`,
    },
  )
}

/** The plan as it is with the programs that there are: what they use, too, is refused. */
export function withUsers(plan: Plan, state: PinnedState, root: Root): Plan {
  const users = new Map(otherUsers(plan, state, root).map(user => [user.map, user]))
  if (users.size === 0) return plan
  const maps = plan.maps.map((map): PlannedMap => {
    const user = users.get(map.name)
    if (!user) return map
    const reason = {
      ...{ field: 'map', pinned: `that program '${user.program}' with id ${user.id} uses, too,` },
      ...{ wanted: 'another', note: 'the program would go on with the old one' },
    }
    return { ...map, reasons: [...map.reasons, reason], isShared: true, action: 'refuse' }
  })
  return { ...plan, maps, refused: refusedOf(maps), steps: [] }
}
