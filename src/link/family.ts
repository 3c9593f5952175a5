import type { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { TargetKind, Targets } from '../spec/targets.ts'
import { type About, errnoName, type LinkCreateOptions, linkCreate, systemError } from '../syscall/index.ts'

/** The maps of an object, by name. */
export type MapsByName = ReadonlyMap<string, { readonly fd: number }>

/** A program to be attached. */
export interface Attachable {
  readonly spec: LinkOwner
  readonly fd: number
  /** Where the maps are looked for that a target names. */
  readonly maps?: MapsByName | undefined
}

/** The same, on its way to a target. */
export interface Attaching extends Attachable {
  /** For errors: `"attaching program 'on_xdp' to 'eth0'"`. */
  readonly doing: string
}

/** What attaching made. */
export interface Attachment {
  /** Descriptor of the link. */
  readonly fd: number
  /** Descriptors of more links, where an older kernel has one for each place only. */
  readonly parts?: readonly number[]
  /** Why it cannot be pinned, where the kernel is too old for a link. */
  readonly unpinnable?: string
}

/** One family of links: how one form of targets is attached to. */
export interface Family<K extends TargetKind = TargetKind> {
  /** The form of its targets. */
  readonly kind: K
  /** What a program is attached to, as it stands behind "it needs": `'a cgroup directory'`. */
  readonly wants: string
  /** For targets of another form, where there is one. */
  readonly alternative?: Family
  /** Does the kernel take a cookie with the link? */
  readonly takesCookie?: boolean
  /** Where it is attached if neither section nor target say. */
  readonly byDefault?: Targets[K]
  /** What is missing besides the target, in the words of `wants`. */
  lacks?(spec: LinkOwner, target: Targets[K]): string | undefined
  /**
   * The target as it is kept: with what the section says, and good in another process. Touches nothing.
   *
   * @throws BpfError `ERR_VALUE` for what the family cannot do.
   */
  complete?(target: Targets[K], spec: LinkOwner): Targets[K]
  /** @throws BpfError with the kernel's errno, or `ERR_NO_TARGET` for what is not there. */
  attach(program: Attaching, target: Targets[K]): Attachment
}

export interface AboutLink extends Omit<About, 'hint'> {
  /** What to try after an errno, by its name. */
  readonly hints?: Readonly<Record<string, string>>
}

/** The error for a call that failed while attaching. */
export function attachError(result: number, syscall: string, { hints, ...about }: AboutLink): BpfError {
  return systemError(result, syscall, { ...about, hint: hints?.[errnoName(-result)] })
}

/** BPF_LINK_CREATE. */
export function createLink(options: LinkCreateOptions, about: AboutLink): Attachment {
  const fd = linkCreate(options)
  if (fd >= 0) return { fd }
  throw attachError(fd, 'bpf(BPF_LINK_CREATE)', about)
}
