// How long tasks do not run, summed up by what they wait in.
#include "tool.h"

#define DEPTH 127

struct group_key {
	u32 pid;
	u32 tgid;
	int user_stack;
	int kernel_stack;
	u8 comm[TASK_COMM];
};

struct since {
	u64 at;
	struct group_key key;
};

const volatile u32 only_tgid = 0;
const volatile bool kernel_threads = true, user_threads = true;
const volatile u64 at_least_us = 1, at_most_us = -1;
const volatile long only_state = -1;

HASH(off, 10240, u32, struct since);
HASH(waited, 10240, struct group_key, u64);

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(u32));
	__uint(value_size, DEPTH * sizeof(u64));
} stacks SEC(".maps");

static __always_inline bool is_wanted(struct task_struct *task)
{
	bool is_kernels = BPF_CORE_READ(task, flags) & 0x00200000 /* PF_KTHREAD */;

	if (only_tgid && BPF_CORE_READ(task, tgid) != only_tgid)
		return false;
	if (is_kernels ? !kernel_threads : !user_threads)
		return false;
	return only_state == -1 || state_of(task) == only_state;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	struct since since = {}, *before;
	u32 pid;
	u64 *sum, zero = 0, took;

	if (is_wanted(previous)) {
		pid = BPF_CORE_READ(previous, pid);
		since.at = bpf_ktime_get_ns();
		since.key.pid = pid;
		since.key.tgid = BPF_CORE_READ(previous, tgid);
		since.key.kernel_stack = bpf_get_stackid(ctx, &stacks, 0);
		since.key.user_stack = -1;
		if (!(BPF_CORE_READ(previous, flags) & 0x00200000))
			since.key.user_stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
		BPF_CORE_READ_STR_INTO(&since.key.comm, previous, comm);
		bpf_map_update_elem(&off, &pid, &since, BPF_ANY);
	}
	pid = BPF_CORE_READ(next, pid);
	before = bpf_map_lookup_elem(&off, &pid);
	if (!before)
		return 0;
	took = (bpf_ktime_get_ns() - before->at) / 1000;
	if (took >= at_least_us && took <= at_most_us) {
		sum = found_or_new(&waited, &before->key, &zero);
		if (sum)
			__sync_fetch_and_add(sum, took);
	}
	bpf_map_delete_elem(&off, &pid);
	return 0;
}
