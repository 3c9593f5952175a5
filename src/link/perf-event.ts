import { readFileSync } from 'node:fs'
import { BpfError } from '../errors.ts'
import { perfEvents } from '../spec/target-forms.ts'
import type { RawPerfEvent } from '../spec/targets.ts'
import type { Family } from './family.ts'
import { attachToPerfEvent } from './perf-link.ts'
import { mustBeProcess } from './process.ts'

/** perf_event: runs at every overflow of an event. Linux 4.9, as a link 5.15. */
export const perfEvent: Family<'event'> = {
  kind: 'event',
  wants: "an event ('cpu-clock,frequency=99,cpu=0')",
  takesCookie: true,
  lacks(_, { period, frequency, cpu, pid }) {
    if (cpu === undefined && pid === undefined) return 'a CPU or a process whose events count'
    return period === undefined && frequency === undefined ? 'a period or a frequency' : undefined
  },
  complete(target, spec) {
    const { period, frequency, pid } = target
    const refuse = (problem: string): BpfError =>
      new BpfError(`program '${spec.name}': ${problem}`, { code: 'ERR_VALUE' })
    if (period !== undefined && frequency !== undefined)
      throw refuse('an event has a period or a frequency, not both')
    // the kernel takes 0, and never runs the program
    if ((period ?? frequency ?? 1) < 1) throw refuse('the period or frequency of an event is 1 or more')
    mustBeProcess(spec, pid)
    return target
  },
  attach(program, { event, period, frequency, cpu = -1, pid = -1 }) {
    const { type, config } = numbersOf(event, program.doing)
    return attachToPerfEvent(
      program,
      {
        type,
        config,
        cpu,
        pid,
        ...(frequency === undefined ? { samplePeriod: period ?? 0 } : { sampleFrequency: frequency }),
      },
      { hints },
    )
  },
}

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'this machine has no such event (a virtual machine often has none of hardware)',
  EOPNOTSUPP: 'this machine cannot interrupt at that event (a virtual machine often cannot)',
  ENODEV: 'this machine has no such CPU, or the event is not on it',
  ESRCH: 'there is no such process',
  EINVAL: 'a frequency may be above /proc/sys/kernel/perf_event_max_sample_rate',
}

function numbersOf(event: string | RawPerfEvent, doing: string): { type: number; config: number | bigint } {
  if (typeof event !== 'string') {
    const { source, config } = event
    return {
      type: typeof source === 'number' ? source : sourceNumber(source, doing),
      config: typeof config === 'number' ? config : BigInt(config),
    }
  }
  const known = Object.hasOwn(perfEvents, event) ? perfEvents[event as keyof typeof perfEvents] : undefined // it is a key
  if (known) return { type: known[0], config: known[1] }
  throw new BpfError(
    `${doing}: there is no event '${event}'; known are ${Object.keys(perfEvents).join(', ')}`,
    {
      code: 'ERR_VALUE',
    },
  )
}

function sourceNumber(source: string, doing: string): number {
  const directory = '/sys/bus/event_source/devices'
  try {
    return Number(readFileSync(`${directory}/${source}/type`, 'latin1'))
  } catch (cause) {
    throw new BpfError(`${doing}: this machine has no event source '${source}'`, {
      code: 'ERR_NO_TARGET',
      hint: `those that it has are in ${directory}`,
      cause,
    })
  }
}
