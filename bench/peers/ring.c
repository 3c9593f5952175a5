/* A ring buffer that a program has filled, read to its end by libbpf. */
#include "peer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct record {
	uint64_t sequence, bytes;
	uint32_t pid, kind;
	char comm[16];
};

static uint64_t sum;

static int take(void *context, void *data, size_t size)
{
	const struct record *record = data;

	sum += record->sequence;
	return 0;
}

static int64_t measure(const char *operation, int n, const char *file, const char *root)
{
	static struct bpf_object *object;
	static struct ring_buffer *ring;
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct bpf_program *program;
	int64_t start, taken;
	int count;

	if (!object) {
		object = bpf_object__open(file);
		if (!object || bpf_object__load(object))
			return -errno;
		ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "records"), take, NULL, NULL);
		if (!ring)
			return -errno;
	}
	program = bpf_object__find_program_by_name(object, "produce");
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &run))
		return -errno;
	sum = 0;
	start = now();
	count = ring_buffer__consume(ring);
	taken = now() - start;
	sprintf(found, "%u:%d:%llu", run.retval, count, (unsigned long long)sum);
	return count < 0 ? count : taken;
}
