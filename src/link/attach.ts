import { BpfError } from '../errors.ts'
import type { LinkFamily } from '../spec/sections.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { cgroup } from './cgroup.ts'
import type { Attachable, Family } from './family.ts'
import { BpfLink } from './link.ts'
import { rawTracepoint } from './raw-tracepoint.ts'
import { tracepoint } from './tracepoint.ts'
import { tracing } from './tracing.ts'

/** The families that can be attached. */
const families: Partial<Record<LinkFamily, Family>> = {
  raw_tracepoint: rawTracepoint,
  tracing,
  tracepoint,
  cgroup,
}

/**
 * What a program lacks before it can be attached, as a phrase: `'a cgroup directory'`; `undefined` where it lacks
 * nothing.
 */
export function wantsToAttach(spec: ProgramSpec): string | undefined {
  const family = spec.rule?.family
  if (!family) return 'a hook: programs of its type are not attached by a link'
  return families[family]
    ? families[family].wants(spec)
    : `links of the family '${family}', which are not made here`
}

/**
 * Attaches a loaded program where its section name or its target says.
 *
 * @throws BpfError `ERR_NO_TARGET` where neither says, else with the kernel's errno.
 */
export function attachProgram(program: Attachable): BpfLink {
  const { spec } = program
  const wanted = wantsToAttach(spec)
  const family = spec.rule?.family && families[spec.rule.family]
  if (wanted !== undefined || !family) {
    throw new BpfError(`program '${spec.name}' cannot be attached: it needs ${wanted}`, {
      code: 'ERR_NO_TARGET',
    })
  }
  const { fd, target } = family.attach(program)
  return new BpfLink({ fd, name: spec.name, program: spec.name, target })
}
