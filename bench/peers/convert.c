// The peer of bench/convert.ts: the entries of one pinned hash into another, by the same batch calls, with the same moves
// of fields, and nothing else. Prints how many nanoseconds it took.
//
// usage: convert OLD NEW [SNAPSHOT]
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH 4096

struct old_flow { uint64_t packets, bytes; uint32_t state; };
struct new_flow { uint64_t bytes, packets; uint32_t state; uint64_t since; };

static int bpf(int command, union bpf_attr *attr, unsigned size)
{
	return syscall(__NR_bpf, command, attr, size);
}

static int open_pin(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };
	int fd = bpf(BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void put(int map, void *keys, void *values, unsigned count)
{
	union bpf_attr attr = { 0 };
	attr.batch.map_fd = map;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	attr.batch.count = count;
	if (bpf(BPF_MAP_UPDATE_BATCH, &attr, sizeof(attr)) < 0) {
		perror("BPF_MAP_UPDATE_BATCH");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static uint64_t keys[BATCH];
	static struct old_flow from[BATCH];
	static struct new_flow to[BATCH];
	uint32_t cursor = 0, next = 0;
	struct timespec start, end;
	int old, new, snapshot, first = 1, last = 0;

	if (argc < 3)
		return 2;
	old = open_pin(argv[1]);
	new = open_pin(argv[2]);
	snapshot = argc > 3 ? open_pin(argv[3]) : -1;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!last) {
		union bpf_attr attr = { 0 };
		attr.batch.map_fd = old;
		attr.batch.in_batch = first ? 0 : (uintptr_t)&cursor;
		attr.batch.out_batch = (uintptr_t)&next;
		attr.batch.keys = (uintptr_t)keys;
		attr.batch.values = (uintptr_t)from;
		attr.batch.count = BATCH;
		if (bpf(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr)) < 0) {
			if (errno != ENOENT) {
				perror("BPF_MAP_LOOKUP_BATCH");
				return 1;
			}
			last = 1;
		}
		for (unsigned i = 0; i < attr.batch.count; i++) {
			to[i].bytes = from[i].bytes;
			to[i].packets = from[i].packets;
			to[i].state = from[i].state;
			to[i].since = 0;
		}
		if (attr.batch.count) {
			put(new, keys, to, attr.batch.count);
			if (snapshot >= 0)
				put(snapshot, keys, to, attr.batch.count);
		}
		cursor = next;
		first = 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
	return 0;
}
