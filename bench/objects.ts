import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const headers = ['-I/usr/include/x86_64-linux-gnu', '-I/usr/include/aarch64-linux-gnu']
const made = new Map<string, string>()

/** An object of so many maps that hold one number each. */
export function manyMaps(scratch: string, count: number): string {
  const names = mapNames(count)
  return compiled(
    scratch,
    `maps-${count}`,
    `typedef struct {
	int (*type)[2];
	int (*max_entries)[1];
	__u32 *key;
	__u64 *value;
} definition;
${names.map(name => `definition ${name} SEC(".maps");\n`).join('')}`,
  )
}

/** What an object was, and what takes its place: other code for the same maps, or also another layout of their values. */
export type Version = 'old' | 'new code' | 'new layout'

/** An object of so many hashes, all used by one program with a link. */
export function version(scratch: string, count: number, which: Version): string {
  const names = mapNames(count)
  const fields = which === 'new layout' ? '__u64 bytes, packets, errors;' : '__u64 packets, bytes;'
  const step = which === 'old' ? 1 : 2
  return compiled(
    scratch,
    `upgrade-${count}-${which.replace(' ', '-')}`,
    `struct tally { ${fields} };
typedef struct {
	int (*type)[1];
	int (*max_entries)[64];
	__u32 *key;
	struct tally *value;
} definition;
${names.map(name => `definition ${name} SEC(".maps");\n`).join('')}
static void count(void *map)
{
	__u32 key = 1;
	struct tally *tally = bpf_map_lookup_elem(map, &key);

	if (tally)
		__sync_fetch_and_add(&tally->packets, ${step});
}

SEC("raw_tp/task_rename")
int on_rename(void *ctx)
{
${names.map(name => `	count(&${name});\n`).join('')}	return 0;
}`,
  )
}

/** A hash of flows, to be read and written from user space. */
export function flows(scratch: string): string {
  return compiled(
    scratch,
    'flows',
    `struct flow { __u64 packets, bytes; __u32 state, mark; };
struct {
	int (*type)[1];
	int (*max_entries)[65536];
	__u32 *key;
	struct flow *value;
} flows SEC(".maps");`,
  )
}

/** A program that writes so many records to a ring buffer, and wakes nobody. */
export function records(scratch: string, count: number): string {
  return compiled(
    scratch,
    `records-${count}`,
    `struct record { __u64 sequence, bytes; __u32 pid, kind; char comm[16]; };
struct {
	int (*type)[27];
	int (*max_entries)[8 << 20];
} records SEC(".maps");
/* for its type to be known */
struct record *unused_record;

static long write(__u32 i, void *context)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record)
		return 1;
	*record = (struct record){ .sequence = i, .bytes = i * 3, .pid = 1234, .kind = 1, .comm = "nginx" };
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("syscall")
int produce(void *ctx)
{
	return bpf_loop(${count}, write, 0, 0);
}`,
  )
}

function mapNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `map_${i.toString(16).padStart(4, '0')}`)
}

function compiled(scratch: string, name: string, text: string): string {
  const known = made.get(name)
  if (known) return known
  const source = join(scratch, `${name}.bpf.c`)
  const object = source.replace(/c$/, 'o')
  const frame = `#include <linux/types.h>\n#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n${text}\nchar LICENSE[] SEC("license") = "GPL";\n`
  writeFileSync(source, frame)
  execFileSync('clang-19', ['-g', '-O2', '-target', 'bpf', ...headers, '-c', source, '-o', object])
  made.set(name, object)
  return object
}
