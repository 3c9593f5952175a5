// How long requests to block devices take, as histograms by device and kind.
#include "tool.h"

struct group_key {
	u32 device;
	u32 operation;
};

struct histogram {
	u64 bytes;
	u32 slots[SLOTS];
};

/* struct request lost rq_disk in Linux 5.17; the disk is its queue's since 5.11 */
struct request___before_5_17 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

struct request_queue___since_5_17 {
	struct gendisk *disk;
} __attribute__((preserve_access_index));

const volatile bool by_device = true, by_operation = true, from_insert = false;

static const struct histogram zero;

HASH(starts, 10240, u64, u64);
HASH(histograms, 1024, struct group_key, struct histogram);

static __always_inline struct gendisk *disk_of(struct request *request)
{
	struct request___before_5_17 *old = (void *)request;
	struct request_queue___since_5_17 *queue;

	if (bpf_core_field_exists(old->rq_disk))
		return BPF_CORE_READ(old, rq_disk);
	queue = (void *)BPF_CORE_READ(request, q);
	return BPF_CORE_READ(queue, disk);
}

static __always_inline int start(struct request *request)
{
	u64 now = bpf_ktime_get_ns(), key = (u64)request;

	bpf_map_update_elem(&starts, &key, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(on_insert, struct request *request)
{
	return from_insert ? start(request) : 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_issue, struct request *request)
{
	u64 key = (u64)request;

	if (from_insert && bpf_map_lookup_elem(&starts, &key))
		return 0;
	return start(request);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *request, int error, unsigned int bytes)
{
	u64 id = (u64)request, *since = bpf_map_lookup_elem(&starts, &id);
	struct histogram *histogram;
	struct group_key key = {};
	struct gendisk *disk;

	if (!since)
		return 0;
	disk = disk_of(request);
	if (by_device && disk)
		key.device = BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor);
	if (by_operation)
		key.operation = BPF_CORE_READ(request, cmd_flags) & 0xff;
	histogram = found_or_new(&histograms, &key, &zero);
	if (histogram) {
		u64 took = (bpf_ktime_get_ns() - *since) / 1000;

		__sync_fetch_and_add(&histogram->slots[log2_of(took)], 1);
		__sync_fetch_and_add(&histogram->bytes, bytes);
	}
	bpf_map_delete_elem(&starts, &id);
	return 0;
}
