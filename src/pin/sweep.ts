import { commonEntries, readBatches } from '../map/batches.ts'
import { isIndexed } from '../plan/map-families.ts'
import { type CopyOptions, isPerCpu, type LiveConversion } from './conversion.ts'
import { snapshotShape } from './snapshot.ts'
import { sweepPlainly } from './sweep-plain.ts'
import { loadSweep, type SweepCount, type SweepRunner } from './sweep-runner.ts'

/** What a sweep came to. */
export interface SweepReport {
  /** Entries in which something had changed since it was carried. */
  readonly changed: number
  /** Entries that could not be carried, as the new map did not take them. */
  readonly failed: number
  /** The last reason, a negative errno; 0 where nothing failed. */
  readonly error: number
  /** Was it done by a program in the kernel? Else the last writer won. */
  readonly inKernel: boolean
}

/** A map may be full, or busy, only for a moment. */
const attempts = 3

/**
 * Carries what changed in the old map since it was last carried, while programs write to the new one. Once the old
 * programs run no more this makes the new map complete. It can be repeated at any time, by any process, also after one
 * that was killed in the middle of it.
 */
export function sweepEntries(conversion: LiveConversion, snapshot: number): SweepReport {
  return sweep(conversion, snapshot, {})
}

/** How {@link sweep} goes about it. */
export interface SweepOptions extends Pick<CopyOptions, 'signal'> {
  /** Leaves deletes for a later sweep, which saves going through the snapshot, too. */
  readonly withoutDeletes?: boolean
}

/** The same, between whose batches the caller may stop. */
export function sweep(
  conversion: LiveConversion,
  snapshot: number,
  { signal, withoutDeletes = false }: SweepOptions,
): SweepReport {
  const runner = loadSweep(conversion, snapshot)
  if (!runner) return { ...sweepPlainly(conversion, snapshot, signal), inKernel: false }
  try {
    let changed = 0
    for (let attempt = 1; ; attempt++) {
      const count: SweepCount = { changed: 0, failed: 0, error: 0 }
      if (isIndexed(conversion.old.shape.type)) sweepArray(conversion, runner, count, signal)
      else sweepHash(conversion, withoutDeletes ? undefined : snapshot, runner, count, signal)
      changed += count.changed
      if (count.failed === 0 || attempt === attempts) return { ...count, changed, inKernel: true }
    }
  } finally {
    runner.close()
  }
}

function sweepArray(
  { old, new: next }: LiveConversion,
  runner: SweepRunner,
  count: SweepCount,
  signal: AbortSignal | undefined,
): void {
  const entries = commonEntries(old.shape, next.shape)
  const onCpu = (cpu: number): void => {
    for (let first = 0; first < entries; first += runner.batch) {
      signal?.throwIfAborted()
      runner.run(undefined, first, Math.min(runner.batch, entries - first), cpu, count)
    }
  }
  if (isPerCpu(old.shape)) runner.onEachCpu(onCpu)
  else onCpu(0)
}

function sweepHash(
  conversion: LiveConversion,
  snapshot: number | undefined,
  runner: SweepRunner,
  count: SweepCount,
  signal: AbortSignal | undefined,
): void {
  const { old, name } = conversion
  const through = (fd: number, shape: typeof old.shape, cpu: number): void => {
    for (const batch of readBatches(fd, shape, `map '${name}'`)) {
      signal?.throwIfAborted()
      runner.run(batch.keys, 0, batch.count, cpu, count)
    }
  }
  let looksForDeletes = snapshot !== undefined
  const onCpu = (cpu: number): void => {
    // first what was deleted: it makes room
    if (snapshot !== undefined && looksForDeletes) through(snapshot, snapshotShape(conversion), cpu)
    looksForDeletes = false
    through(old.fd, old.shape, cpu)
  }
  if (isPerCpu(old.shape)) runner.onEachCpu(onCpu)
  else onCpu(0)
}
