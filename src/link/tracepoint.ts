import { readFileSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { EIO, ENOENT, systemError } from '../syscall/index.ts'
import type { Family } from './family.ts'
import { attachToPerfEvent, everywhere } from './perf-link.ts'
import { tracefsPath, withTracefs } from './tracefs.ts'

const PERF_TYPE_TRACEPOINT = 2

/** tracepoint/CATEGORY/NAME, through a perf event. */
export const tracepoint: Family<'hook'> = {
  kind: 'hook',
  wants: "a tracepoint as 'category/name'",
  takesCookie: true,
  attach(program, { hook }) {
    const { doing } = program
    const config = withTracefs(doing, tracefs => readId(tracefs, hook, doing))
    return attachToPerfEvent(program, { type: PERF_TYPE_TRACEPOINT, config, ...everywhere })
  },
}

/** The kernel's number for a tracepoint, which only tracefs tells. */
function readId(tracefs: string, hook: string, doing: string): number {
  const path = `${tracefs}/events/${hook}/id`
  try {
    return Number(readFileSync(path, 'latin1'))
  } catch (cause) {
    const { errno = EIO } = cause as NodeJS.ErrnoException // what node's fs throws
    if (errno !== ENOENT)
      throw systemError(errno, 'open', { doing: `${doing}: reading its number`, path, cause })
    throw new BpfError(`${doing}: this kernel has no such tracepoint`, {
      code: 'ERR_NO_TARGET',
      hint: `its tracepoints are listed in ${tracefsPath}/available_events`,
      cause,
    })
  }
}
