/* What a program in C would do to carry the entries of a map into one of another layout: the same batch calls, the same
 * moves of fields, and nothing else; `convert-snapshot` keeps a copy of what it carried in the kernel, as an upgrade does. */
#include "peer.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#define BATCH 4096

struct old_flow { uint64_t packets, bytes; uint32_t state; };
struct new_flow { uint64_t bytes, packets; uint32_t state; uint64_t since; };

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int create(int entries, int value_size)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = value_size,
		.max_entries = entries, .map_flags = BPF_F_NO_PREALLOC,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int put(int map, void *keys, void *values, unsigned count)
{
	union bpf_attr attr = { 0 };

	attr.batch.map_fd = map;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	attr.batch.count = count;
	return bpf(BPF_MAP_UPDATE_BATCH, &attr);
}

static int carry(int old, int new, int snapshot, int *entries)
{
	static uint64_t keys[BATCH];
	static struct old_flow from[BATCH];
	static struct new_flow to[BATCH];
	uint32_t cursor = 0, next = 0;
	int last = 0;

	*entries = 0;
	while (!last) {
		union bpf_attr attr = { 0 };

		attr.batch.map_fd = old;
		attr.batch.in_batch = *entries ? (uintptr_t)&cursor : 0;
		attr.batch.out_batch = (uintptr_t)&next;
		attr.batch.keys = (uintptr_t)keys;
		attr.batch.values = (uintptr_t)from;
		attr.batch.count = BATCH;
		if (bpf(BPF_MAP_LOOKUP_BATCH, &attr) < 0) {
			if (errno != ENOENT)
				return -errno;
			last = 1;
		}
		for (unsigned i = 0; i < attr.batch.count; i++) {
			to[i].bytes = from[i].bytes;
			to[i].packets = from[i].packets;
			to[i].state = from[i].state;
			to[i].since = 0;
		}
		if (attr.batch.count && put(new, keys, to, attr.batch.count) < 0)
			return -errno;
		if (attr.batch.count && snapshot >= 0 && put(snapshot, keys, to, attr.batch.count) < 0)
			return -errno;
		*entries += attr.batch.count;
		cursor = next;
	}
	return 0;
}

static int describe(int map, uint64_t key, int entries)
{
	unsigned long long words[4] = { 0 };
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)words };

	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0)
		return -errno;
	sprintf(found, "%d:%llu:%llu:%llu:%llu", entries, words[0], words[1], words[2], words[3]);
	return 0;
}

static int64_t measure(const char *operation, int n, const char *file, const char *root)
{
	char path[4200];
	union bpf_attr attr = { .pathname = (uintptr_t)path };
	int old, new, error, entries, snapshot = -1;
	int64_t start, taken;

	snprintf(path, sizeof(path), "%s/flows-%d", root, n);
	old = bpf(BPF_OBJ_GET, &attr);
	new = create(n, sizeof(struct new_flow));
	if (!strcmp(operation, "convert-snapshot"))
		snapshot = create(n, sizeof(struct new_flow));
	if (old < 0 || new < 0)
		return -errno;
	start = now();
	error = carry(old, new, snapshot, &entries);
	taken = now() - start;
	if (!error)
		error = describe(new, n / 2, entries);
	close(old);
	close(new);
	if (snapshot >= 0)
		close(snapshot);
	return error ? error : taken;
}
