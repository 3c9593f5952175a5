import { existsSync } from 'node:fs'
import { closedAfter, mountDetached, systemError } from '../syscall/index.ts'

/** Where tracefs is mounted: by itself, or inside debugfs. */
const mounts = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const

/** Where a person finds it. */
export const tracefsPath: string = mounts[0]

/**
 * Calls with a directory in which tracefs is. Where it is mounted nowhere it is opened without being mounted, so that
 * nothing changes for anybody else.
 */
export function withTracefs<T>(doing: string, use: (directory: string) => T): T {
  const mounted = mounts.find(mount => existsSync(`${mount}/events`))
  if (mounted !== undefined) return use(mounted)
  const detached = mountDetached('tracefs')
  if (detached < 0) {
    throw systemError(detached, 'fsopen', { doing: `${doing}: looking into tracefs, which is not mounted` })
  }
  return closedAfter(detached, () => use(`/proc/self/fd/${detached}`))
}
