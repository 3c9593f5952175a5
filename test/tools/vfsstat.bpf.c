// How often and how long the file system's operations run, by operation and process.
#include "tool.h"

enum operation { READ, WRITE, FSYNC, OPEN, UNLINK, OPERATIONS };

struct group_key {
	u32 pid;
	u32 operation;
};

struct sum {
	u64 calls;
	u64 bytes;
	u64 errors;
	u64 nanoseconds;
	u8 comm[TASK_COMM];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct group_key);
	__type(value, struct sum);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} entered SEC(".maps");

u64 calls[OPERATIONS] = {};
static const struct sum zero;

static __always_inline int enter(void)
{
	u64 *since = bpf_task_storage_get(&entered, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (since)
		*since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int leave(enum operation operation, long result)
{
	u64 *since = bpf_task_storage_get(&entered, bpf_get_current_task_btf(), 0, 0);
	struct group_key key = { .pid = current_pid(), .operation = operation };
	struct sum *sum = found_or_new(&sums, &key, &zero);

	__sync_fetch_and_add(&calls[operation], 1);
	if (!sum)
		return 0;
	__sync_fetch_and_add(&sum->calls, 1);
	if (result < 0)
		__sync_fetch_and_add(&sum->errors, 1);
	else if (operation == READ || operation == WRITE)
		__sync_fetch_and_add(&sum->bytes, result);
	if (since && *since)
		__sync_fetch_and_add(&sum->nanoseconds, bpf_ktime_get_ns() - *since);
	bpf_get_current_comm(&sum->comm, sizeof(sum->comm));
	return 0;
}

#define TIMED(function)                                                                             \
	SEC("fentry/" #function)                                                                   \
	int BPF_PROG(enter_##function) { return enter(); }

TIMED(vfs_read)
TIMED(vfs_write)
TIMED(vfs_fsync_range)

SEC("fexit/vfs_read")
int BPF_PROG(leave_vfs_read, struct file *file, char *buffer, size_t size, loff_t *at, ssize_t result)
{
	return leave(READ, result);
}

SEC("fexit/vfs_write")
int BPF_PROG(leave_vfs_write, struct file *file, const char *buffer, size_t size, loff_t *at, ssize_t result)
{
	return leave(WRITE, result);
}

SEC("fexit/vfs_fsync_range")
int BPF_PROG(leave_vfs_fsync_range, struct file *file, loff_t start, loff_t end, int dataonly, int result)
{
	return leave(FSYNC, result);
}

SEC("kretprobe/do_filp_open")
int BPF_KRETPROBE(leave_open, long result)
{
	return leave(OPEN, result);
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(leave_unlink, int result)
{
	return leave(UNLINK, result);
}
