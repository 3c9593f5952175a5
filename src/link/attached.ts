import { existsSync } from 'node:fs'
import type { Target } from '../spec/targets.ts'
import type { LinkInfo } from '../syscall/index.ts'

/**
 * Is there still what a link is on? `false` where a cgroup, network namespace, interface or process is gone, or the link
 * was detached, as far as the kernel tells: links of other kinds hold what they are on. A netfilter link that was detached
 * looks as before.
 *
 * @param target where it was attached, where that is known: of a link for one process the kernel often does not say so
 */
export function isAttached(info: LinkInfo, target: Target | undefined): boolean {
  switch (info.kind) {
    case 'cgroup':
      return info.cgroupId !== 0
    case 'netns':
      return info.netnsInode !== 0
    case 'xdp':
    case 'tcx':
    case 'netkit':
      return info.ifindex !== 0
    case 'sockmap':
    case 'struct_ops':
      return info.mapId !== 0
    case 'uprobe_multi':
      // the link holds the process and tells its number, 0 after its end, since Linux 6.8: another may have the number now
      return info.count > 0 ? processOf(target) === undefined || info.pid !== 0 : isRunning(target)
    case 'perf_event':
      return isRunning(target)
    default:
      return true
  }
}

/** Is the only process that a link is for still there? Another that got its number since counts as the same. */
function isRunning(target: Target | undefined): boolean {
  const pid = processOf(target)
  return pid === undefined || existsSync(`/proc/${pid}`)
}

function processOf(target: Target | undefined): number | undefined {
  return target && 'pid' in target ? target.pid : undefined
}
