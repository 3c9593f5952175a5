// Each request to a block device: whose, where, how much, how long it waited and took.
#include "tool.h"

struct request___before_5_17 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

struct asked {
	u64 inserted;
	u64 issued;
	u32 pid;
	u8 comm[TASK_COMM];
};

struct event {
	u64 queued_ns;
	u64 took_ns;
	u64 sector;
	u32 bytes;
	u32 flags;
	u32 pid;
	u32 device;
	u8 comm[TASK_COMM];
	u8 disk[32];
};

const volatile u64 at_least_ns = 0;

HASH(requests, 10240, u64, struct asked);
RING(events, 1 << 17);

static __always_inline struct asked *asked_of(u64 key)
{
	struct asked *asked = bpf_map_lookup_elem(&requests, &key), first = {};

	if (asked)
		return asked;
	first.pid = current_pid();
	bpf_get_current_comm(&first.comm, sizeof(first.comm));
	bpf_map_update_elem(&requests, &key, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&requests, &key);
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(on_insert, struct request *request)
{
	struct asked *asked = asked_of((u64)request);

	if (asked)
		asked->inserted = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_issue, struct request *request)
{
	struct asked *asked = asked_of((u64)request);

	if (asked)
		asked->issued = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *request, int error, unsigned int bytes)
{
	struct request___before_5_17 *old = (void *)request;
	u64 key = (u64)request, now = bpf_ktime_get_ns();
	struct asked *asked = bpf_map_lookup_elem(&requests, &key);
	struct gendisk *disk;
	struct event *event;

	if (!asked || !asked->issued)
		return 0;
	event = now - asked->issued >= at_least_ns ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : 0;
	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		event->took_ns = now - asked->issued;
		if (asked->inserted)
			event->queued_ns = asked->issued - asked->inserted;
		event->sector = BPF_CORE_READ(request, __sector);
		event->bytes = bytes;
		event->flags = BPF_CORE_READ(request, cmd_flags);
		event->pid = asked->pid;
		__builtin_memcpy(event->comm, asked->comm, sizeof(event->comm));
		if (bpf_core_field_exists(old->rq_disk))
			disk = BPF_CORE_READ(old, rq_disk);
		else
			disk = BPF_CORE_READ(request, q, disk);
		if (disk) {
			event->device = BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor);
			BPF_CORE_READ_STR_INTO(&event->disk, disk, disk_name);
		}
		bpf_ringbuf_submit(event, 0);
	}
	bpf_map_delete_elem(&requests, &key);
	return 0;
}
