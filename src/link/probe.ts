import { readFileSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import type { LinkOwner } from '../spec/link-owner.ts'
import type { AboutLink, Attaching, Attachment } from './family.ts'
import { attachToPerfEvent, everywhere } from './perf-link.ts'

/** Where a probe is put. */
export interface ProbePlace {
  /** A kernel function, or the path of a binary. */
  readonly name: string
  /** Bytes from the start of that. */
  readonly offset: number
  /** Only in this process. */
  readonly pid?: number | undefined
  /** In a binary: where the counter is, in bytes from its start, that says whether there are probes; 0 for none. Linux 4.20. */
  readonly semaphore?: number
}

/** A program that runs when a function returns: kretprobe, uretprobe and what begins so. */
export function isReturnProbe({ section }: LinkOwner): boolean {
  return /^\??[ku]ret/.test(section)
}

/** Puts a probe by the event source of its kind. Linux 4.17. */
export function attachProbe(
  program: Attaching,
  kind: 'kprobe' | 'uprobe',
  { name, offset, pid, semaphore = 0 }: ProbePlace,
  about: Omit<AboutLink, 'doing'>,
): Attachment {
  const { type, returns } = sourceOf(kind, program.doing)
  const atReturn = isReturnProbe(program.spec) ? returns : 0
  if (semaphore > 0xffff_ffff) {
    throw new BpfError(`${program.doing}: its semaphore lies beyond 4 GiB in ${name}`, {
      code: 'ERR_UNSUPPORTED',
    })
  }
  return attachToPerfEvent(
    program,
    {
      type,
      // kernel/events/core.c: the upper half is ref_ctr_offset
      config: semaphore === 0 ? atReturn : (BigInt(semaphore) << 32n) | BigInt(atReturn),
      probe: { name, offset },
      ...(pid === undefined ? everywhere : { pid, cpu: -1 }),
    },
    about,
  )
}

/** The number of an event source, and its bit for "when the function returns". */
function sourceOf(kind: 'kprobe' | 'uprobe', doing: string): { type: number; returns: number } {
  const source = `/sys/bus/event_source/devices/${kind}`
  try {
    const type = Number(readFileSync(`${source}/type`, 'latin1'))
    const bit = /^config:(\d+)$/m.exec(readFileSync(`${source}/format/retprobe`, 'latin1'))?.[1] ?? 0
    return { type, returns: 2 ** Number(bit) }
  } catch (cause) {
    throw new BpfError(`${doing}: this kernel has no ${kind} events: there is no ${source}`, {
      code: 'ERR_UNSUPPORTED',
      hint: `they need Linux 4.17 and CONFIG_${kind.toUpperCase()}_EVENTS; probes by way of tracefs, which cannot be pinned, are not made here`,
      cause,
    })
  }
}
