/* The entries of one hash from user space, by libbpf. */
#include "peer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define BATCH 4096

struct flow {
	uint64_t packets, bytes;
	uint32_t state, mark;
};

static uint64_t sum;

static int set(int fd, int n)
{
	for (uint32_t key = 0; key < n; key++) {
		struct flow flow = { .packets = key, .bytes = key * 1500ull, .state = key & 7 };

		if (bpf_map_update_elem(fd, &key, &flow, BPF_ANY))
			return -errno;
	}
	sum = n;
	return 0;
}

static int get(int fd, int n)
{
	for (uint32_t key = 0; key < n; key++) {
		struct flow flow;

		if (bpf_map_lookup_elem(fd, &key, &flow))
			return -errno;
		sum += flow.packets + flow.bytes;
	}
	return 0;
}

static int batch_read(int fd)
{
	static uint32_t keys[BATCH];
	static struct flow flows[BATCH];
	uint32_t in, out, count;
	void *from = NULL;
	int error = 0;

	while (!error) {
		count = BATCH;
		if (bpf_map_lookup_batch(fd, from, &out, keys, flows, &count, NULL)) {
			if (errno != ENOENT)
				return -errno;
			error = 1;
		}
		for (uint32_t i = 0; i < count; i++)
			sum += flows[i].packets + flows[i].bytes;
		in = out;
		from = &in;
	}
	return 0;
}

static int batch_write(int fd, int n)
{
	static uint32_t keys[BATCH];
	static struct flow flows[BATCH];

	for (uint32_t first = 0; first < n; first += BATCH) {
		uint32_t count = n - first < BATCH ? n - first : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			uint32_t key = first + i;

			keys[i] = key;
			flows[i] = (struct flow){ .packets = key, .bytes = key * 1500ull, .state = key & 7 };
		}
		if (bpf_map_update_batch(fd, keys, flows, &count, NULL))
			return -errno;
	}
	sum = n;
	return 0;
}

static int work(const char *operation, int fd, int n)
{
	sum = 0;
	if (!strncmp(operation, "get", 3))
		return get(fd, n);
	if (!strncmp(operation, "set", 3))
		return set(fd, n);
	if (!strncmp(operation, "batch-read", 10))
		return batch_read(fd);
	if (!strncmp(operation, "batch-write", 11))
		return batch_write(fd, n);
	return -EINVAL;
}

static int64_t measure(const char *operation, int n, const char *file, const char *root)
{
	static struct bpf_object *object;
	static int fd, filled;
	int64_t start, taken;
	int error;

	if (!object || filled != n) {
		bpf_object__close(object);
		object = bpf_object__open(file);
		if (!object || bpf_object__load(object))
			return -errno;
		fd = bpf_object__find_map_fd_by_name(object, "flows");
		if ((error = set(fd, n)))
			return error;
		filled = n;
	}
	start = now();
	error = work(operation, fd, n);
	taken = now() - start;
	sprintf(found, "%llu", (unsigned long long)sum);
	return error ? error : taken;
}
