import { attachTypes } from '../spec/kernel.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { closeFd, linkCreate, openFile, openFlag, systemError } from '../syscall/index.ts'
import type { Family } from './family.ts'

/** All program types that attach to a cgroup v2 directory. Linux 5.7. */
export const cgroup: Family = {
  wants(spec) {
    if (cgroupOf(spec) === undefined) return 'a cgroup directory'
    return spec.attachType === undefined ? "an attach type ('cgroup_inet_ingress', ...)" : undefined
  },
  attach({ spec, fd }) {
    const path = cgroupOf(spec) ?? ''
    const doing = `attaching program '${spec.name}' to cgroup '${path}'`
    const directory = openFile(path, openFlag.RDONLY | openFlag.DIRECTORY)
    if (directory < 0) throw systemError(directory, 'openat', { doing, path })
    const link = linkCreate({
      fd,
      target: directory,
      attachType: attachTypes[spec.attachType ?? 'cgroup_inet_ingress'],
    })
    const error =
      link < 0 ? systemError(link, 'bpf(BPF_LINK_CREATE)', { doing, path, since: '5.7' }) : undefined
    closeFd(directory)
    if (error) throw error
    return { fd: link, target: { cgroup: path } }
  },
}

function cgroupOf({ target }: ProgramSpec): string | undefined {
  return target && 'cgroup' in target ? target.cgroup : undefined
}
