import { BpfError } from '../errors.ts'
import { attachTypes } from '../spec/kernel.ts'
import { type ProgramTarget, placeToLoad } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { EINVAL, linkCreate } from '../syscall/index.ts'
import { type Attaching, type Attachment, attachError, type Family } from './family.ts'
import { completeFunction } from './freplace.ts'
import { chosenAtLoad } from './hook.ts'
import { openRawTracepoint } from './raw-tracepoint.ts'

/** fentry and fexit of a function in another BPF program, which was chosen when the program was loaded. Linux 5.5. */
const tracedProgram: Family<'program'> = {
  kind: 'program',
  wants: 'a program whose function it traces',
  takesCookie: true,
  lacks: (_, target) =>
    target.function === undefined ? 'the name of the function that it traces' : undefined,
  complete: completeTraced,
  attach: attachTracing,
}

/** tp_btf, fentry, fexit, fmod_ret and LSM: the hook was chosen by its BTF id when the program was loaded. Linux 5.5. */
export const tracing: Family<'hook'> = {
  kind: 'hook',
  wants: 'the name of a hook',
  alternative: tracedProgram,
  takesCookie: true,
  complete: chosenAtLoad,
  attach: attachTracing,
}

function completeTraced(asked: ProgramTarget, spec: ProgramSpec): ProgramTarget {
  const target = completeFunction(asked, spec)
  if (['trace_fentry', 'trace_fexit', 'trace_fsession'].includes(spec.attachType ?? '')) {
    if (placeToLoad({ ...spec, target: asked }) === placeToLoad(spec)) return target
    throw new BpfError(`program '${spec.name}' (SEC("${spec.section}")) traces one function of one program`, {
      code: 'ERR_VALUE',
      hint: 'what such a program is for is chosen when it is loaded: name one target, or the same in all',
    })
  }
  // kernel/bpf/verifier.c: bpf_check_attach_target
  throw new BpfError(
    `program '${spec.name}' (SEC("${spec.section}")) cannot be attached to another program`,
    {
      code: 'ERR_VALUE',
      hint: 'functions of programs are traced by SEC("fentry") and SEC("fexit"), and replaced by SEC("freplace")',
    },
  )
}

function attachTracing({ spec, fd, doing }: Attaching): Attachment {
  const { attachType = 'trace_raw_tp', link } = spec
  // by BPF_LINK_CREATE a kernel without cookies of tracepoints would leave the cookie out and say nothing
  if (attachType === 'trace_raw_tp') return openRawTracepoint(null, fd, link.cookie, { doing })
  const made = linkCreate({
    fd,
    attachType: attachTypes[attachType],
    detail: { kind: 'tracing', cookie: link.cookie ?? 0 },
  })
  if (made >= 0) return { fd: made }
  // before Linux 5.18 this was the only way, without a cookie
  if (made === EINVAL && link.cookie === undefined) {
    return openRawTracepoint(null, fd, undefined, { doing, hints })
  }
  throw attachError(made, 'bpf(BPF_LINK_CREATE)', {
    doing,
    since: link.cookie === undefined ? undefined : '5.18',
    hints,
  })
}

/** kernel/bpf/trampoline.c: __bpf_trampoline_link_prog */
const hints = {
  EBUSY: 'the program is attached already, or another program replaces the function (freplace)',
  E2BIG: 'as many programs as can be are at this hook',
  ENOTSUPP: 'this kernel cannot attach programs to its functions (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)',
}
