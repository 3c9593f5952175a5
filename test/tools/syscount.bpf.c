// System calls and how long they take, by number and process; what the kernel was configured with decides how to ask it.
#include "tool.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_COMPAT __kconfig __weak;
extern unsigned int CONFIG_HZ __kconfig __weak;
extern enum libbpf_tristate CONFIG_BPF_JIT __kconfig __weak;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;

struct group_key {
	u32 tgid;
	u32 number;
};

struct sum {
	u64 calls;
	u64 nanoseconds;
	u64 slowest;
	u64 errors;
};

const volatile u32 only_pid = 0;
const volatile bool by_process = true;

HASH(starts, 8192, u32, u64);
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct group_key);
	__type(value, struct sum);
} sums SEC(".maps");

u32 version = 0, ticks = 0;
bool wrapped = false, compiled = false;
u64 calls_32_bit = 0;

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid(), now;
	u32 tid = id;

	if (only_pid && id >> 32 != only_pid)
		return 0;
	version = LINUX_KERNEL_VERSION;
	ticks = CONFIG_HZ;
	wrapped = LINUX_HAS_SYSCALL_WRAPPER;
	compiled = CONFIG_BPF_JIT == TRI_YES;
	if (CONFIG_COMPAT) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		if (BPF_CORE_READ(task, thread_info.status) & 2 /* TS_COMPAT */)
			__sync_fetch_and_add(&calls_32_bit, 1);
	}
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&starts, &tid, &now, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	u64 id = bpf_get_current_pid_tgid();
	struct group_key key = { .number = BPF_CORE_READ(regs, orig_ax) };
	struct sum *sum, zero = {};
	u32 tid = id;
	u64 *since = bpf_map_lookup_elem(&starts, &tid), took;

	if (!since)
		return 0;
	if (by_process)
		key.tgid = id >> 32;
	sum = found_or_new(&sums, &key, &zero);
	if (sum) {
		took = bpf_ktime_get_ns() - *since;
		__sync_fetch_and_add(&sum->calls, 1);
		__sync_fetch_and_add(&sum->nanoseconds, took);
		if (took > sum->slowest)
			sum->slowest = took;
		if ((long)ctx->args[1] < 0)
			__sync_fetch_and_add(&sum->errors, 1);
	}
	bpf_map_delete_elem(&starts, &tid);
	return 0;
}
