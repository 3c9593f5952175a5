import { isAttached } from '../link/index.ts'
import { closeFd, linkGetFdById, linkInfo } from '../syscall/index.ts'
import { pause } from '../syscall/pause.ts'

/** The kernel lets go of a link some time after its last pin is gone (kernel/bpf/syscall.c: bpf_link_put). */
const patienceMs = 1000
const pauseMs = 5

/**
 * Waits until links are gone, or off their hooks, a second at most; the ids of those that are still attached, as somebody
 * else holds them.
 */
export function awaitLinks(ids: readonly number[]): readonly number[] {
  let waiting = ids
  const end = performance.now() + patienceMs
  for (;;) {
    waiting = waiting.filter(isStillAttached)
    if (waiting.length === 0 || performance.now() > end) return waiting
    pause(pauseMs)
  }
}

function isStillAttached(id: number): boolean {
  const fd = linkGetFdById(id)
  if (fd < 0) return false
  const info = linkInfo(fd)
  closeFd(fd)
  return typeof info === 'number' || isAttached(info, undefined)
}
