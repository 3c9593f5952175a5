// What the CPUs do: stacks by a clock's samples.
#include "tool.h"

#define DEPTH 127

struct group_key {
	u32 pid;
	int user_stack;
	int kernel_stack;
	u8 comm[TASK_COMM];
};

const volatile u32 only_pid = 0;
const volatile bool with_idle = false;

HASH(counts, 10240, struct group_key, u64);
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(u32));
	__uint(value_size, DEPTH * sizeof(u64));
} stacks SEC(".maps");

u64 idle = 0, in_kernel = 0;

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	u64 id = bpf_get_current_pid_tgid(), *count, zero = 0;
	struct group_key key = { .pid = id >> 32 };

	if (!(u32)id) {
		__sync_fetch_and_add(&idle, 1);
		if (!with_idle)
			return 0;
	}
	if (only_pid && key.pid != only_pid)
		return 0;
	bpf_get_current_comm(&key.comm, sizeof(key.comm));
	/* addresses of the kernel are negative */
	if ((long)PT_REGS_IP(&ctx->regs) < 0) {
		__sync_fetch_and_add(&in_kernel, 1);
		key.kernel_stack = bpf_get_stackid(ctx, &stacks, 0);
	} else {
		key.kernel_stack = -1;
	}
	key.user_stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	count = found_or_new(&counts, &key, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
