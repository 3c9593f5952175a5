import { type BpfObject, openObject, type UpgradeOptions } from '../../src/index.ts'
import { type Given, type Operation, type Outcome, timed } from './operation.ts'

/** One version of a whole object in the place of another; FILE is `OLD,NEW`. */
export const upgrade: Readonly<Record<string, Operation>> = {
  'upgrade-reused': given => replace(given, 'reuse', {}),
  'upgrade-converted': given => replace(given, 'convert', { onMismatch: 'convert' }),
}

function replace({ n, file, root }: Given, expected: string, options: UpgradeOptions): Outcome {
  const [before = '', after = ''] = file.split(',')
  const place = { root, name: 'upgraded' }
  const old = openObject(before, place).upgrade()
  for (const map of old.maps) map.set(0, { packets: 7n, bytes: 9n })
  // as if its process had ended: whoever holds a link of the old version makes the upgrade wait for it
  old.close()
  const [taken, live] = timed(() => openObject(after, place).upgrade(options))
  try {
    return [taken, check(live, n, expected)]
  } finally {
    live.unpin()
    live.close()
  }
}

function check(live: BpfObject, n: number, expected: string): number {
  const { maps } = live.upgraded ?? { maps: [] }
  const carried = maps.filter(({ action }) => action === expected).length
  if (carried !== n) throw new Error(`${carried} of ${n} maps were to ${expected}`)
  for (const map of live.maps) {
    const value = map.get(0) as { packets: bigint; bytes: bigint }
    if (value.packets !== 7n || value.bytes !== 9n) throw new Error(`${map.name} has lost what it held`)
  }
  return carried
}
