import { existsSync, readFileSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import {
  closeFd,
  linkCreate,
  mountDetached,
  perfEventEnable,
  perfEventOpen,
  systemError,
} from '../syscall/index.ts'
import { type Family, hookOf } from './family.ts'

const PERF_TYPE_TRACEPOINT = 2

/** tracepoint/CATEGORY/NAME, through a perf event. Linux 4.7; as a link that can be pinned 5.15. */
export const tracepoint: Family = {
  wants: spec => (/^[^/]+\/[^/]+$/.test(hookOf(spec)) ? undefined : "a tracepoint as 'category/name'"),
  attach({ spec, fd }) {
    const hook = hookOf(spec)
    const doing = `attaching program '${spec.name}' to tracepoint '${hook}'`
    const event = perfEventOpen({
      type: PERF_TYPE_TRACEPOINT,
      config: tracepointId(hook, doing),
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
      return { fd: link, target: { hook } }
    } finally {
      closeFd(event)
    }
  },
}

/** Where tracefs is mounted: by itself, or inside debugfs. */
const mounts = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']

/**
 * The kernel's number for a tracepoint, which only tracefs tells. Where it is mounted nowhere it is opened without
 * being mounted, so that nothing changes for anybody else.
 */
function tracepointId(hook: string, doing: string): number {
  const mounted = mounts.find(mount => existsSync(`${mount}/events`))
  if (mounted !== undefined) return readId(mounted, hook, doing)
  const detached = mountDetached('tracefs')
  if (detached < 0) {
    throw systemError(detached, 'fsopen', {
      doing: `${doing}: looking for it in tracefs, which is not mounted`,
    })
  }
  try {
    return readId(`/proc/self/fd/${detached}`, hook, doing)
  } finally {
    closeFd(detached)
  }
}

function readId(tracefs: string, hook: string, doing: string): number {
  try {
    return Number(readFileSync(`${tracefs}/events/${hook}/id`, 'latin1'))
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT')
      throw new BpfError(`${doing}: reading its number: ${(cause as Error).message}`, { code, cause })
    throw new BpfError(`${doing}: this kernel has no such tracepoint`, {
      code: 'ERR_NO_TARGET',
      hint: `its tracepoints are listed in ${mounts[0]}/available_events`,
      cause,
    })
  }
}
