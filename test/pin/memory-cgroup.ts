import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

/** Where cgroups of one version are, and how the files are called that limit memory (Documentation/admin-guide/cgroup-v*). */
interface Hierarchy {
  readonly mount: string
  /** The limit first; what counts swapped memory as well, or forbids it, may not be there. */
  readonly limits: (bytes: number) => readonly (readonly [file: string, value: number])[]
  /** Of this process, in /proc/self/cgroup. */
  readonly own: RegExp
}

const version1: Omit<Hierarchy, 'mount'> = {
  limits: bytes => [
    ['memory.limit_in_bytes', bytes],
    ['memory.memsw.limit_in_bytes', bytes],
  ],
  own: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m,
}
const version2: Omit<Hierarchy, 'mount'> = {
  limits: bytes => [
    ['memory.max', bytes],
    ['memory.swap.max', 0],
  ],
  own: /^0::(.*)$/m,
}

/** The controller is in one of the two; `undefined` where the kernel has it in neither, or it is mounted nowhere. */
function hierarchy(): Hierarchy | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  for (const [, mount = '', type, options = ''] of mounts.map(line => line.split(' '))) {
    if (type === 'cgroup' && options.split(',').includes('memory')) return { mount, ...version1 }
    if (type !== 'cgroup2') continue
    const hasMemory = (file: string): boolean => / ?\bmemory\b/.test(readFileSync(`${mount}/${file}`, 'utf8'))
    if (!hasMemory('cgroup.controllers')) continue
    // what is below may be limited then
    if (!hasMemory('cgroup.subtree_control')) writeFileSync(`${mount}/cgroup.subtree_control`, '+memory')
    return { mount, ...version2 }
  }
  return undefined
}

/** As a requirement of tests: where there is none it is the name of what is missing. */
export const memoryCgroups: string = hierarchy()?.mount ?? 'a memory cgroup'

/**
 * Limits what this process takes from now on, of user space and in the kernel alike: what it had already counts where it was.
 * Memory of BPF counts since Linux 5.11.
 */
export class MemoryCgroup {
  readonly #path: string
  readonly #former: string

  constructor(bytes: number) {
    const found = hierarchy()
    if (!found) throw new Error('there are no memory cgroups')
    const { mount, limits, own } = found
    this.#former = `${mount}${own.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? ''}`
    this.#path = memoryCgroupOf(process.pid)
    mkdirSync(this.#path)
    for (const [file, value] of limits(bytes))
      if (existsSync(`${this.#path}/${file}`)) writeFileSync(`${this.#path}/${file}`, String(value))
    writeFileSync(`${this.#path}/cgroup.procs`, String(process.pid))
  }

  leave(): void {
    writeFileSync(`${this.#former}/cgroup.procs`, String(process.pid))
    rmdirSync(this.#path)
  }
}

/** Of a process; where the kernel has ended it, somebody else removes this. */
export function memoryCgroupOf(pid: number): string {
  return `${memoryCgroups}/bpfpin-memory-${pid}`
}
