import { readFileSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import { closeFd, linkCreate, perfEventEnable, perfEventOpen, systemError } from '../syscall/index.ts'
import { type Family, hookOf } from './family.ts'

const PERF_TYPE_TRACEPOINT = 2

/** tracepoint/CATEGORY/NAME, through a perf event. Linux 4.7; as a link that can be pinned 5.15. */
export const tracepoint: Family = {
  wants: spec => (/^[^/]+\/[^/]+$/.test(hookOf(spec)) ? undefined : "a tracepoint as 'category/name'"),
  attach({ spec, fd }) {
    const target = hookOf(spec)
    const doing = `attaching program '${spec.name}' to tracepoint '${target}'`
    const event = perfEventOpen({
      type: PERF_TYPE_TRACEPOINT,
      config: tracepointId(target, doing),
      pid: -1,
      cpu: 0,
    })
    if (event < 0) throw systemError(event, 'perf_event_open', { doing })
    try {
      const link = linkCreate({
        fd,
        target: event,
        attachType: attachTypes.perf_event,
        detail: { kind: 'perf_event', cookie: spec.link.cookie ?? 0 },
      })
      if (link < 0) throw systemError(link, 'bpf(BPF_LINK_CREATE)', { doing, since: '5.15' })
      // the link holds the event from now on
      perfEventEnable(event)
      return { fd: link, target }
    } finally {
      closeFd(event)
    }
  },
}

/** Where tracefs is mounted: by itself, or inside debugfs. */
const mounts = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']

function tracepointId(target: string, doing: string): number {
  for (const mount of mounts) {
    const id = readId(`${mount}/events/${target}/id`)
    if (id !== undefined) return id
  }
  const isMounted = mounts.some(mount => readId(`${mount}/events/sched/sched_switch/id`) !== undefined)
  throw new BpfError(
    `${doing}: ${isMounted ? 'this kernel has no such tracepoint' : 'no tracefs is mounted'}`,
    {
      code: isMounted ? 'ERR_NO_TARGET' : 'ENOENT',
      hint: isMounted
        ? `the tracepoints of this kernel are listed in ${mounts[0]}/available_events`
        : `mount it: mount -t tracefs tracefs ${mounts[0]}`,
    },
  )
}

function readId(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'latin1'))
  } catch {
    return undefined
  }
}
