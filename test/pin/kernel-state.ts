// What the kernel says of this process and of a bpffs: what a fault or a death must not change.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import {
  btfGetFdById,
  closeFd,
  ENOENT,
  type InterceptedCall,
  linkGetFdById,
  mapGetFdById,
  objGet,
  progGetFdById,
} from '../../src/syscall/index.ts'
import { pause } from '../../src/syscall/pause.ts'

/** What is open in this process, and what it is: `"21 anon_inode:bpf-map"`. */
export function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`]
    } catch {
      return [] // the directory that was being read
    }
  })
}

/** Names below a directory. */
export function namesBelow(root: string): string[] {
  return (readdirSync(root, { recursive: true }) as string[]).sort()
}

/** All that is below a directory on bpffs: `"links/on_read link 12 runs 40"`, and directories by their names. */
export function pinnedBelow(root: string): string[] {
  return identitiesBelow(root).map(({ name, kind, id, program }) =>
    kind === undefined ? name : `${name} ${kind} ${id}${program ? ` runs ${program}` : ''}`,
  )
}

/** The same, with the place that each has among the others of its kind, by age, for its id: to be compared with another time. */
export function shapeBelow(root: string): string[] {
  const found = identitiesBelow(root)
  const ranks = (kind: string): number[] => {
    const ids = found.flatMap(one => (one.kind === kind ? [one.id] : []))
    const run = kind === 'program' ? found.flatMap(one => one.program ?? []) : []
    return [...new Set([...ids, ...run])].sort((a, b) => a - b)
  }
  const order = { map: ranks('map'), program: ranks('program'), link: ranks('link') }
  return found.map(({ name, kind, id, program }) => {
    if (kind === undefined) return name
    const runs = program ? ` runs ${order.program.indexOf(program)}` : ''
    return `${name} ${kind} ${order[kind].indexOf(id)}${runs}`
  })
}

interface Identity {
  readonly kind: 'map' | 'program' | 'link'
  readonly id: number
  readonly program: number | undefined
}

function identitiesBelow(root: string): (Partial<Identity> & { name: string; id: number })[] {
  return namesBelow(root).map(name => {
    const fd = objGet(`${root}/${name}`)
    if (fd < 0) return { name, id: 0 }
    const found = { name, ...identity(fd) }
    closeFd(fd)
    return found
  })
}

/** By what the kernel shows of a descriptor (kernel/bpf/syscall.c: bpf_map_show_fdinfo and its like). */
function identity(fd: number): Identity {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  const number = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\t(\\d+)$`, 'm').exec(text)
    return found ? Number(found[1]) : undefined
  }
  const [map, program, link] = ['map_id', 'prog_id', 'link_id'].map(number)
  if (map !== undefined) return { kind: 'map', id: map, program: undefined }
  // it has its program's id as well
  if (link !== undefined) return { kind: 'link', id: link, program }
  if (program !== undefined) return { kind: 'program', id: program, program: undefined }
  throw new Error(`descriptor ${fd} is no map, program or link: ${text}`)
}

/** BTF has its id there, too (kernel/bpf/btf.c: bpf_btf_show_fdinfo). */
function keyOf(fd: number): string {
  const btf = /^btf_id:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
  if (btf) return `BTF ${btf[1]}`
  const { kind, id } = identity(fd)
  return `${kind} ${id}`
}

const makes = /^bpf\(BPF_(MAP_CREATE|PROG_LOAD|BTF_LOAD|LINK_CREATE|RAW_TRACEPOINT_OPEN)\)$/

/** The kernel's ids of all that calls made, and which of them should be gone. */
export class MadeObjects {
  /** `"map 12"` -> what made it, for messages. */
  readonly #made = new Map<string, string>()
  /** How many there were. */
  count = 0

  /** To be told of each call and what came of it. */
  note({ name }: Pick<InterceptedCall, 'name'>, result: number, by: string): void {
    if (result < 0 || !makes.test(name)) return
    this.#made.set(keyOf(result), by)
    this.count++
  }

  /** Those that still live, once nothing is pinned or open any more. The kernel takes its time (RCU, work queues). */
  left(patienceMs = 3000): string[] {
    const end = performance.now() + patienceMs
    for (;;) {
      for (const key of this.#made.keys()) if (!lives(key)) this.#made.delete(key)
      if (this.#made.size === 0 || performance.now() > end) break
      pause(10)
    }
    return Array.from(this.#made, ([key, by]) => `${key}, made by ${by}`)
  }
}

const byId: Readonly<Record<string, (id: number) => number>> = {
  map: id => mapGetFdById(id),
  program: progGetFdById,
  link: linkGetFdById,
  BTF: btfGetFdById,
}

function lives(key: string): boolean {
  const [kind = '', id] = key.split(' ')
  const fd = byId[kind]!(Number(id))
  if (fd >= 0) closeFd(fd)
  return fd !== ENOENT
}
