import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestants } from './contestant.ts'
import type { Row } from './row.ts'

/** What is done to an object of many maps, and who does it, too, besides us. */
const operations = {
  open: { libbpf: true, floor: false },
  'create+pin': { libbpf: true, floor: true },
  pin: { libbpf: true, floor: true },
  reuse: { libbpf: true, floor: true },
  openPinned: { libbpf: false, floor: true },
  unpin: { libbpf: true, floor: true },
} as const

export interface Effort {
  readonly sizes: readonly number[]
  readonly rounds: number
}

/** The hot path: many maps of one object, per map. */
export function mapRows(
  { ours, libbpf, floor }: Contestants,
  place: { readonly root: string; readonly scratch: string },
  { sizes, rounds }: Effort,
): Row[] {
  return Object.entries(operations).flatMap(([name, peers]) =>
    sizes.map((n): Row => {
      const object = manyMaps(place.scratch, n)
      const by = (who: typeof ours) => async () => ((await who.ask(name, n, object, place.root)) / n) * 1e6
      return {
        ...{ name, n, unit: 'us/map' },
        // small objects are measured often: what runs once in a process is a row of its own
        ...{ warmUps: n < 1024 ? 20 : 3, rounds: n < 1024 ? 5 * rounds : rounds },
        ours: by(ours),
        libbpf: peers.libbpf ? by(libbpf) : null,
        floor: peers.floor ? by(floor) : null,
      }
    }),
  )
}

const made = new Map<number, string>()

/** An object of so many maps that hold one number each. */
function manyMaps(scratch: string, count: number): string {
  const known = made.get(count)
  if (known) return known
  const source = join(scratch, `maps-${count}.bpf.c`)
  const names = Array.from({ length: count }, (_, i) => `map_${i.toString(16).padStart(4, '0')}`)
  writeFileSync(
    source,
    `#include <linux/types.h>
#include <bpf/bpf_helpers.h>
typedef struct {
	int (*type)[2];
	int (*max_entries)[1];
	__u32 *key;
	__u64 *value;
} definition;
${names.map(name => `definition ${name} SEC(".maps");\n`).join('')}
char LICENSE[] SEC("license") = "GPL";
`,
  )
  const object = source.replace(/c$/, 'o')
  const headers = ['-I/usr/include/x86_64-linux-gnu', '-I/usr/include/aarch64-linux-gnu']
  execFileSync('clang-19', ['-g', '-O2', '-target', 'bpf', ...headers, '-c', source, '-o', object])
  made.set(count, object)
  return object
}
