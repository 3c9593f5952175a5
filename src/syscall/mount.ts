import { call3, call6 } from './gate.ts'
import { putPath } from './path.ts'

const FSOPEN_CLOEXEC = 1
const FSMOUNT_CLOEXEC = 1
const FSCONFIG_CMD_CREATE = 6

/**
 * A file system of a type that needs no device, mounted nowhere: the result is the descriptor of its root, which goes
 * when it is closed. Needs CAP_SYS_ADMIN. Linux 5.2.
 */
export function mountDetached(type: string): number {
  const name = putPath(type)
  if (name < 0) return name
  const context = call3('fsopen', name, FSOPEN_CLOEXEC, 0)
  if (context < 0) return context
  const created = call6('fsconfig', context, FSCONFIG_CMD_CREATE, 0, 0, 0, 0)
  const root = created < 0 ? created : call3('fsmount', context, FSMOUNT_CLOEXEC, 0)
  call3('close', context, 0, 0)
  return root
}
