import { BpfError } from '../errors.ts'
import { attachTypes, programFlag } from '../spec/kernel.ts'
import { isTarget } from '../spec/target-forms.ts'
import { targetsOf, type XdpMode } from '../spec/targets.ts'
import type { ProgramSpec } from '../spec/types.ts'
import { createLink, type Family } from './family.ts'
import { indexOf, refuse } from './interface.ts'

/** XDP_FLAGS_* (include/uapi/linux/if_link.h). */
const modes: Readonly<Record<XdpMode, number>> = { generic: 1 << 1, native: 1 << 2, offload: 1 << 3 }

/** xdp and xdp.frags: the packets that an interface receives. Linux 5.9. */
export const xdp: Family<'interface'> = {
  kind: 'interface',
  wants: 'a network interface',
  complete(target, spec) {
    refuse(spec, target, 'before', 'after', 'revision')
    const { mode } = target
    if (mode === undefined || Object.hasOwn(modes, mode)) return target
    throw new BpfError(
      `program '${spec.name}': XDP has no mode '${mode}', but ${Object.keys(modes).join(', ')}`,
      {
        code: 'ERR_VALUE',
      },
    )
  },
  attach({ fd, doing }, target) {
    return createLink(
      {
        fd,
        target: indexOf(target, doing),
        attachType: attachTypes.xdp,
        flags: target.mode === undefined ? 0 : modes[target.mode],
      },
      {
        doing,
        since: '5.9',
        hints: {
          EBUSY: 'an XDP program is attached to that interface already, and there is one only',
          EEXIST: 'an XDP program is attached to that interface already, in another mode',
          EOPNOTSUPP: "the interface's driver cannot do this: { mode: 'generic' } works with any",
          EINVAL:
            typeof target.interface === 'number'
              ? 'there is no interface of that index in the network namespace of this process'
              : 'the interface\'s driver refuses the program: packets of its MTU may need SEC("xdp.frags")',
        },
      },
    )
  },
}

/**
 * The index of the interface that a program is loaded for: whose card is to run it (mode `'offload'`), or whose driver it
 * asks about packets (BPF_F_XDP_DEV_BOUND_ONLY). `undefined` for one that is good for any.
 *
 * @throws BpfError `ERR_VALUE` where the program is to be attached elsewhere, too, `ERR_NO_TARGET` where it does not say to
 * which interface; ENODEV where there is no such interface.
 */
export function interfaceToLoad(program: ProgramSpec): number | undefined {
  const doing = `loading program '${program.name}'`
  const isBound = (program.flags & programFlag.XDP_DEV_BOUND_ONLY) !== 0
  const interfaces = new Set<number | undefined>()
  for (const place of targetsOf(program)) {
    const isFor = isTarget(place, 'interface') && (isBound || place.mode === 'offload')
    interfaces.add(isFor ? indexOf(place, doing) : undefined)
  }
  if (interfaces.size === 0 && isBound) {
    throw new BpfError(`${doing}: with BPF_F_XDP_DEV_BOUND_ONLY it needs an interface`, {
      code: 'ERR_NO_TARGET',
      hint: "set the program's target: { interface: 'eth0' }",
    })
  }
  if (interfaces.size < 2) return [...interfaces][0]
  // kernel/bpf/offload.c: such a program is made for its device, and belongs to that
  const why = isBound ? 'BPF_F_XDP_DEV_BOUND_ONLY' : "mode 'offload'"
  throw new BpfError(`${doing}: what is for one network card (${why}) is attached to that card only`, {
    code: 'ERR_VALUE',
    hint: 'give the object another program for each other place',
  })
}
