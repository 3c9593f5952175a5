import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import type { CgroupWalk, IteratorTarget } from '../spec/targets.ts'
import { settledPath } from '../syscall/index.ts'
import { openDirectory } from './descriptor.ts'
import { type Attaching, type Attachment, createLink, type Family } from './family.ts'
import { chosenAtLoad } from './hook.ts'
import { mustBeProcess } from './process.ts'
import { withMap } from './target-map.ts'

/** Iterators over the contents of a map, which must be named. */
const overMaps: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'bpf_map_elem',
  'bpf_sk_storage_map',
  'sockmap',
])

/** enum bpf_cgroup_iter_order (include/uapi/linux/bpf.h) */
const walks: Readonly<Record<CgroupWalk, number>> = {
  self_only: 1,
  descendants_pre: 2,
  descendants_post: 3,
  ancestors_up: 4,
}

/** iter: a link that is read, see {@link BpfLink.read}. Linux 5.8. */
export const iter: Family<'iterator'> = {
  kind: 'iterator',
  wants: 'the name of an iterator',
  lacks: (_, { iterator, map }) =>
    overMaps.has(iterator) && map === undefined ? 'the map whose elements it walks over' : undefined,
  complete(target, spec) {
    chosenAtLoad(target, spec)
    refuseForeign(target, spec.name)
    mustBeProcess(spec, target.pid)
    mustBeProcess(spec, target.tid)
    return target.cgroup === undefined ? target : { ...target, cgroup: settledPath(target.cgroup) }
  },
  attach(program, target) {
    const { map, cgroup } = target
    if (map !== undefined) return withMap(program, map, fd => create(program, [fd]))
    if (cgroup === undefined) return create(program, wordsOf(target))
    using directory = openDirectory(cgroup, program.doing)
    return create(program, [walks[target.walk ?? 'descendants_pre'], directory.fd, 0, 0])
  },
}

/**
 * All parameters are in one union: the descriptor of a map would be the number of a thread to an iterator over tasks, and
 * most iterators look at none.
 *
 * @throws BpfError `ERR_VALUE` for a parameter that the iterator does not have, or two that exclude each other.
 */
function refuseForeign(target: IteratorTarget, name: string): void {
  const { iterator, tid, pid } = target
  const own = parametersOf(iterator)
  const foreign = parameters.find(one => target[one] !== undefined && !own.includes(one))
  const problem =
    foreign !== undefined
      ? `an iterator over '${iterator}' has no '${foreign}'`
      : tid !== undefined && pid !== undefined
        ? "it walks over the threads of a process ('pid') or over one thread ('tid'), not both"
        : undefined
  if (problem !== undefined) throw new BpfError(`program '${name}': ${problem}`, { code: 'ERR_VALUE' })
}

const parameters = ['map', 'tid', 'pid', 'cgroup', 'walk'] as const

/** kernel/bpf/{task,cgroup,map}_iter.c, net/core/{bpf_sk_storage,sock_map}.c: those with an attach_target. */
function parametersOf(iterator: string): readonly (typeof parameters)[number][] {
  if (overMaps.has(iterator)) return ['map']
  if (iterator === 'cgroup') return ['cgroup', 'walk']
  return /^task(_file|_vma)?$/.test(iterator) ? ['tid', 'pid'] : []
}

/** union bpf_iter_link_info, what does not name a file: the order of a walk over all cgroups; a thread or process. */
function wordsOf({ iterator, walk, tid, pid }: IteratorTarget): number[] {
  if (iterator === 'cgroup') return [walks[walk ?? 'descendants_pre'], 0, 0, 0]
  return tid === undefined && pid === undefined ? [] : [tid ?? 0, pid ?? 0, 0]
}

function create({ spec, fd, doing }: Attaching, words: readonly number[]): Attachment {
  const info = new Uint8Array(Uint32Array.from(words).buffer)
  return createLink(
    { fd, attachType: attachTypes[spec.attachType ?? 'trace_iter'], detail: { kind: 'iter', info } },
    { doing, since: words.length > 1 ? '6.1' : '5.8', hints: { ESRCH: 'there is no such process' } },
  )
}
