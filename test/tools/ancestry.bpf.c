// Who started whom: each exec with its ancestors, followed by kernel functions (kfuncs).
#include "tool.h"

#define DEPTH 8
/* a weak symbol that the kernel lacks is at 0 */
#define is_there(symbol) (!!(symbol))

struct ancestor {
	u32 pid;
	u8 comm[TASK_COMM];
};

struct event {
	u32 depth;
	u32 cpus;
	struct ancestor ancestors[DEPTH];
};

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym __weak;
extern void bpf_cpumask_release(struct bpf_cpumask *mask) __ksym __weak;
extern int bpf_no_kernel_has_this(struct task_struct *task) __ksym __weak;
extern const void wake_up_process __ksym;

const volatile u32 only_parent = 0;

RING(events, 1 << 17);
u64 unreadable = 0, waker = 0;

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, s32 old_pid, struct linux_binprm *bprm)
{
	struct event *event;
	struct task_struct *found, *at;

	if (only_parent && parent_of(task) != only_parent)
		return 0;
	if (is_there(bpf_no_kernel_has_this) && bpf_no_kernel_has_this(task))
		return 0;
	waker = (u64)&wake_up_process;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	if (is_there(bpf_cpumask_create)) {
		struct bpf_cpumask *mask = bpf_cpumask_create();

		if (mask) {
			event->cpus = 1;
			bpf_cpumask_release(mask);
		}
	}
	found = bpf_task_from_pid(task->tgid);
	if (!found) {
		__sync_fetch_and_add(&unreadable, 1);
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	bpf_rcu_read_lock();
	at = found;
	for (int i = 0; i < DEPTH; i++) {
		event->ancestors[i].pid = BPF_CORE_READ(at, tgid);
		BPF_CORE_READ_STR_INTO(&event->ancestors[i].comm, at, comm);
		event->depth = i + 1;
		if (event->ancestors[i].pid <= 1)
			break;
		at = BPF_CORE_READ(at, real_parent);
		if (!at)
			break;
	}
	bpf_rcu_read_unlock();
	bpf_task_release(found);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
