// How long tasks wait for a CPU after they became ready, as histograms.
#include "tool.h"

enum by { ALL, PROCESS, THREAD, NAMESPACE };

struct histogram {
	u64 total;
	u32 slots[SLOTS];
	u8 comm[TASK_COMM];
};

const volatile enum by by = ALL;
const volatile u32 only_tgid = 0;
const volatile bool in_milliseconds = false;

static const struct histogram zero;

HASH(ready, 10240, u32, u64);
HASH(histograms, 10240, u32, struct histogram);

/* before 4.19 the namespace's number was in the task's nsproxy as the same path; a type that may lack is asked for */
static __always_inline u32 pid_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	return BPF_CORE_READ(upid.ns, ns.inum);
}

static __always_inline int became_ready(u32 tgid, u32 pid)
{
	u64 now = bpf_ktime_get_ns();

	if (pid && (!only_tgid || tgid == only_tgid))
		bpf_map_update_elem(&ready, &pid, &now, BPF_ANY);
	return 0;
}

static __always_inline int runs(struct task_struct *next)
{
	u32 pid = BPF_CORE_READ(next, pid), key = -1;
	u64 *since = bpf_map_lookup_elem(&ready, &pid);
	struct histogram *histogram;
	s64 waited;

	if (!since)
		return 0;
	waited = bpf_ktime_get_ns() - *since;
	bpf_map_delete_elem(&ready, &pid);
	if (waited < 0)
		return 0;
	if (by == PROCESS)
		key = BPF_CORE_READ(next, tgid);
	else if (by == THREAD)
		key = pid;
	else if (by == NAMESPACE)
		key = pid_namespace(next);
	histogram = found_or_new(&histograms, &key, &zero);
	if (!histogram)
		return 0;
	if (!histogram->comm[0])
		BPF_CORE_READ_STR_INTO(&histogram->comm, next, comm);
	waited /= in_milliseconds ? 1000000 : 1000;
	__sync_fetch_and_add(&histogram->slots[log2_of(waited)], 1);
	__sync_fetch_and_add(&histogram->total, 1);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	return became_ready(task->tgid, task->pid);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	return became_ready(task->tgid, task->pid);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	if (state_of(previous) == 0 /* TASK_RUNNING */)
		became_ready(previous->tgid, previous->pid);
	return runs(next);
}
