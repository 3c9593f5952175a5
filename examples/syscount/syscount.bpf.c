// Counts system calls by process, and how long they take.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u32 u32;
typedef __u64 u64;

struct process {
	u64 calls;
	u64 errors;
	u64 nanoseconds;
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct process);
} processes SEC(".maps");

/* When the call that a thread is in began. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64);
} started SEC(".maps");

/* Calls by the power of two of nanoseconds that they took. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} latencies SEC(".maps");

/* 0: all processes. */
const volatile u32 only_pid = 0;

u64 total;

static __noinline struct process *process_of(u32 pid)
{
	struct process *process = bpf_map_lookup_elem(&processes, &pid);
	struct process fresh = {};

	if (process)
		return process;
	bpf_map_update_elem(&processes, &pid, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&processes, &pid);
}

static u32 log2_of(u64 n)
{
	u32 bits = 0;

	for (u32 shift = 32; shift; shift >>= 1)
		if (n >> shift) {
			n >>= shift;
			bits += shift;
		}
	return bits;
}

SEC("raw_tp/sys_enter")
int on_enter(void *ctx)
{
	u64 now = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	u32 thread = id;

	if (!only_pid || id >> 32 == only_pid)
		bpf_map_update_elem(&started, &thread, &now, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid(), took, *start, *slot;
	u32 thread = id, bucket;
	struct process *process;

	start = bpf_map_lookup_elem(&started, &thread);
	if (!start)
		return 0;
	took = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&started, &thread);
	process = process_of(id >> 32);
	if (!process)
		return 0;
	/* a process is called what its first thread is called now: execve and prctl change it */
	if (thread == id >> 32 || !process->name[0])
		bpf_get_current_comm(process->name, sizeof(process->name));
	__sync_fetch_and_add(&process->calls, 1);
	__sync_fetch_and_add(&process->nanoseconds, took);
	if ((long)ctx->args[1] < 0)
		__sync_fetch_and_add(&process->errors, 1);
	__sync_fetch_and_add(&total, 1);
	bucket = log2_of(took) & 63;
	slot = bpf_map_lookup_elem(&latencies, &bucket);
	if (slot)
		*slot += 1;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
