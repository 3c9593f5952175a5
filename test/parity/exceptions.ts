import { isAtLeast } from '../requirements.ts'
import type { Difference } from './compare.ts'

/** A difference that is meant. One that is not found any more fails the test. */
export interface Exception {
  /** Objects as {@link Difference} has them; without, at least one of all that are tried. */
  readonly objects?: readonly string[]
  readonly what: readonly string[]
  /** Of the map or program. */
  readonly name?: RegExp
  readonly libbpf?: string
  readonly bpfpin?: string
  /** From which kernel on there is a difference: `'linux 6.5'`. */
  readonly since?: string
  /** Before which libbpf. */
  readonly libbpfBefore?: string
  readonly why: string
}

/** What libbpf and we make differently on purpose. */
export const exceptions: readonly Exception[] = [
  {
    what: ['map flags'],
    name: /\.(bss|data|rodata)/,
    libbpf: '0',
    bpfpin: '1024',
    why: 'all data sections can be mapped, not only those with a variable that is not static',
  },
  {
    what: ['map flags'],
    name: /\.rodata/,
    libbpf: '128',
    bpfpin: '1152',
    why: 'the same of sections of constants',
  },
  {
    objects: ['fixtures/linked', 'fixtures/linked-a', 'fixtures/linked-b', 'fixtures/map-slots'],
    what: ['verdict'],
    libbpf: 'refused at open',
    bpfpin: 'loads',
    why: 'static maps and programs are loaded, equal names get a number',
  },
  {
    objects: ['fixtures/locked'],
    what: ['verdict'],
    since: 'linux 6.2',
    libbpf: 'refused at load',
    bpfpin: 'loads',
    why: 'the kernel maps no section with a lock in it; its variables are read by system calls then',
  },
  {
    objects: ['fixtures/letters'],
    what: ['verdict'],
    libbpf: 'refused at load',
    bpfpin: 'loads',
    why: 'names with letters that the kernel does not take are told it with a _ for each',
  },
  {
    objects: ['fixtures/typed-events'],
    what: ['verdict'],
    libbpf: 'refused at load',
    bpfpin: 'loads',
    why: 'the value type of a ring buffer or perf buffer says what its records are, as for cilium/ebpf',
  },
  {
    objects: ['fixtures/link-user'],
    what: ['verdict', 'refused programs', 'programs'],
    libbpfBefore: '1.6',
    why: 'libbpf knows SEC("uprobe.session") since 1.6',
  },
  {
    objects: ['parity/sections-later'],
    what: ['refused programs', 'programs'],
    libbpfBefore: '1.6',
    why: 'the same',
  },
]

export function explains(exception: Exception, difference: Difference): boolean {
  const { objects, what, name, libbpf, bpfpin } = exception
  return (
    what.includes(difference.what) &&
    (objects === undefined || objects.includes(difference.object)) &&
    (name === undefined || name.test(difference.name)) &&
    (libbpf === undefined || libbpf === difference.libbpf) &&
    (bpfpin === undefined || bpfpin === difference.bpfpin)
  )
}

/** Can there be such a difference, on this kernel and with this libbpf? */
export function isFor({ since, libbpfBefore }: Exception, kernel: string, version: string): boolean {
  if (since !== undefined && !isAtLeast(kernel, since)) return false
  return libbpfBefore === undefined || !isAtLeast(version.replace('v', ''), `linux ${libbpfBefore}`)
}

/** Exceptions, or objects of theirs, in which nothing differs any more. */
export function outdated(
  list: readonly Exception[],
  found: readonly Difference[],
  tried: ReadonlySet<string>,
): string[] {
  return list.flatMap(exception => {
    const { objects, what, why } = exception
    const explained = found.filter(difference => explains(exception, difference))
    if (objects === undefined) return explained.length > 0 ? [] : [`${what.join(', ')}: ${why}`]
    return objects
      .filter(object => tried.has(object) && !explained.some(difference => difference.object === object))
      .map(object => `${object}: ${what.join(', ')}: ${why}`)
  })
}
