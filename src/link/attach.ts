import { didYouMean } from '../btf/index.ts'
import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import { familyOf, type LinkFamily } from '../spec/sections.ts'
import { targetKind } from '../spec/target-forms.ts'
import { sectionTarget, type Target, targetText } from '../spec/targets.ts'
import { cgroup, lsmCgroup } from './cgroup.ts'
import type { Attachable, Family } from './family.ts'
import { freplace } from './freplace.ts'
import { iter } from './iter.ts'
import { kprobe } from './kprobe.ts'
import { kprobeMulti } from './kprobe-multi.ts'
import { ksyscall } from './ksyscall.ts'
import { BpfLink } from './link.ts'
import { netfilter } from './netfilter.ts'
import { netkit } from './netkit.ts'
import { netns } from './netns.ts'
import { perfEvent } from './perf-event.ts'
import { rawTracepoint } from './raw-tracepoint.ts'
import { sockmap } from './sockmap.ts'
import { structOps } from './struct-ops.ts'
import { tcx } from './tcx.ts'
import { tracepoint } from './tracepoint.ts'
import { tracing } from './tracing.ts'
import { uprobe } from './uprobe.ts'
import { uprobeMulti } from './uprobe-multi.ts'
import { usdt } from './usdt.ts'
import { xdp } from './xdp.ts'

/** Each family with its file; in place of one that is not made here, what it would need. */
const families: Readonly<Record<LinkFamily, Family | string>> = {
  raw_tracepoint: rawTracepoint,
  tracing,
  tracing_multi: 'a link to many functions, which this version does not make',
  lsm_cgroup: lsmCgroup,
  freplace,
  iter,
  tracepoint,
  kprobe,
  kprobe_multi: kprobeMulti,
  ksyscall,
  uprobe,
  uprobe_multi: uprobeMulti,
  usdt,
  perf_event: perfEvent,
  cgroup,
  netns,
  xdp,
  tcx,
  netkit,
  netfilter,
  sockmap,
  struct_ops: structOps,
}

/** One link that a program is to have. */
export interface PlannedLink {
  /** `program`, or `program~label`. */
  readonly name: string
  readonly label: string | undefined
  /** Where; `undefined` where the program does not say. */
  readonly target: Target | undefined
  /** What the program lacks before it can be attached there, as a phrase: `'a cgroup directory'`. */
  readonly wants: string | undefined
}

/**
 * The links that a program is to have: one for its target, or for the place that its section names, and one for each of
 * its labelled targets.
 *
 * @throws BpfError `ERR_VALUE` for a target that is none for this program, or a label that cannot be.
 */
export function plannedLinks(spec: LinkOwner): PlannedLink[] {
  // the map that points to it is registered, not the program
  if (spec.type === 'struct_ops' && spec.rule?.family !== 'struct_ops') return []
  const labels: (string | undefined)[] = Object.keys(spec.targets)
  if (labels.length === 0 || spec.target !== undefined) labels.unshift(undefined)
  return labels.map(label => {
    const place = placeOf(spec, label)
    const name = linkName(spec, label)
    if ('wants' in place) return { name, label, target: undefined, wants: place.wants }
    return { name, label, target: lasting(place.target), wants: undefined }
  })
}

/**
 * Attaches a loaded program where its section name or its target says, or its target with a label.
 *
 * @throws BpfError `ERR_NO_TARGET` where neither says, `ERR_VALUE` for a target that is none for this program, else with
 * the kernel's errno.
 */
export function attachProgram(program: Attachable, label?: string): BpfLink {
  const { spec } = program
  const place = placeOf(spec, label)
  if ('wants' in place) {
    throw new BpfError(`program '${spec.name}' cannot be attached: it needs ${place.wants}`, {
      code: 'ERR_NO_TARGET',
      hint: `see what SEC("${spec.section}") says; what it does not say is the program's target`,
    })
  }
  const { family, target } = place
  const { kind } = family
  const doing =
    kind === 'structOps'
      ? `registering map '${spec.name}' as ${targetText(target)}`
      : `attaching program '${spec.name}' to '${targetText(target)}'`
  checkCookie(spec.link.cookie, family, doing)
  const { fd, parts, unpinnable } = family.attach({ ...program, doing }, target)
  return new BpfLink({
    fd,
    parts,
    name: linkName(spec, label),
    program: spec.name,
    target: lasting(target),
    unpinnable,
  })
}

/** @throws BpfError `ERR_VALUE` for a cookie that would be lost or cut. */
function checkCookie(cookie: bigint | undefined, { takesCookie, wants }: Family, doing: string): void {
  if (cookie === undefined) return
  if (!takesCookie) {
    throw new BpfError(`${doing}: a link to ${wants} carries no cookie`, { code: 'ERR_VALUE' })
  }
  if (typeof cookie === 'bigint' && BigInt.asUintN(64, cookie) === cookie) return
  throw new BpfError(`${doing}: its cookie is ${cookie}; a cookie is a bigint from 0n to 2n ** 64n - 1n`, {
    code: 'ERR_VALUE',
  })
}

/** A priority at which something is already is left to it; so many others are tried. */
const priorityAttempts = 64

/**
 * As {@link attachProgram}, where a link of an earlier version of the program may still be at the same place. Netfilter has
 * one program a priority: the next one that is free is taken, and `declared` is what was asked for then.
 */
export function attachBeside(
  program: Attachable,
  label: string | undefined,
): { readonly link: BpfLink; readonly declared?: Target } {
  const { spec } = program
  const place = placeOf(spec, label)
  if ('wants' in place || !('netfilter' in place.target)) return { link: attachProgram(program, label) }
  const declared = place.target
  const { priority = 0 } = declared
  for (let by = 0; ; by++) {
    const target = { ...declared, priority: priority + by }
    const aside = label === undefined ? { target } : { targets: { ...spec.targets, [label]: target } }
    try {
      const link = attachProgram({ ...program, spec: { ...spec, ...aside } }, label)
      return by === 0 ? { link } : { link, declared }
    } catch (error) {
      const isTaken = error instanceof BpfError && error.code === 'EBUSY'
      if (!isTaken || by === priorityAttempts) throw error
    }
  }
}

function linkName({ name }: LinkOwner, label: string | undefined): string {
  return label === undefined ? name : `${name}~${label}`
}

type AttachPlace = { readonly family: Family; readonly target: Target } | { readonly wants: string }

function placeOf(spec: LinkOwner, label: string | undefined): AttachPlace {
  const name = familyOf(spec)
  const family = name && families[name]
  if (!family) return { wants: 'a hook: programs of its type are not attached by a link' }
  if (typeof family === 'string') return { wants: family }
  const asked = label === undefined ? (spec.target ?? sectionTarget(spec)) : labelled(spec, label)
  const target = asked ?? family.byDefault
  if (target === undefined) return { wants: family.wants }
  const kind = targetKind(target)
  const fitting = [family, family.alternative].find(one => one?.kind === kind)
  if (!fitting) {
    // text or a number stands for itself: what writes targets knows objects only
    const given = kind ? `'${targetText(target)}'` : `${JSON.stringify(target)}, which is no target`
    throw new BpfError(
      `program '${spec.name}' (SEC("${spec.section}")) is attached to ${family.wants}, not to ${given}`,
      { code: 'ERR_VALUE', hint: `a target is an object with '${family.kind}' in it` },
    )
  }
  const complete = fitting.complete?.(target, spec) ?? target
  const wants = fitting.lacks?.(spec, complete)
  return wants === undefined ? { family: fitting, target: complete } : { wants }
}

/** `name~1` is another program, of equal name: a label must not look like that. */
const labelPattern = /^(?!\d+$)[\w.-]+$/

function labelled({ name, targets }: LinkOwner, label: string): Target {
  const target = Object.hasOwn(targets, label) ? targets[label] : undefined
  if (target === undefined) {
    throw new BpfError(
      `program '${name}' has no target labelled '${label}'${didYouMean(label, Object.keys(targets))}`,
      { code: 'ERR_UNKNOWN_NAME' },
    )
  }
  if (labelPattern.test(label)) return target
  throw new BpfError(`program '${name}' has a target labelled '${label}'`, {
    code: 'ERR_VALUE',
    hint: "a label is made of letters, digits, '_', '-' and '.', and not of digits only",
  })
}

/** Without what held for one moment only. */
function lasting(target: Target): Target {
  if (!('revision' in target)) return target
  const { revision: _, ...kept } = target
  return kept
}
