// How processes end, how long they lived, how much memory they had.
#include "tool.h"

struct event {
	u64 lived_ns;
	u64 resident_pages;
	u64 faults;
	u32 pid;
	u32 parent;
	u32 tid;
	int status;
	u8 signal;
	u8 dumped;
	u8 comm[TASK_COMM];
};

/* start_boottime was real_start_time until Linux 5.5 */
struct task_struct___before_5_5 {
	u64 real_start_time;
} __attribute__((preserve_access_index));

/* Linux 6.2 made the counters of memory per CPU */
struct mm_rss_stat___before_6_2 {
	atomic_long_t count[4];
} __attribute__((preserve_access_index));
struct mm_struct___before_6_2 {
	struct mm_rss_stat___before_6_2 rss_stat;
} __attribute__((preserve_access_index));

const volatile u32 only_parent = 0;
const volatile bool with_threads = false, only_failed = false;

RING(events, 1 << 16);

static __always_inline u64 resident(struct mm_struct *mm)
{
	struct mm_struct___before_6_2 *old = (void *)mm;
	u64 pages = 0;

	if (!mm)
		return 0;
	if (bpf_core_type_exists(struct mm_rss_stat___before_6_2)) {
		for (int i = 0; i < 4; i++) {
			if (i != 2) /* MM_SWAPENTS */
				pages += BPF_CORE_READ(old, rss_stat.count[i].counter);
		}
		return pages;
	}
	for (int i = 0; i < 4; i++) {
		if (i != 2)
			pages += BPF_CORE_READ(mm, rss_stat[i].count);
	}
	return pages;
}

SEC("tracepoint/sched/sched_process_exit")
int on_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 id = bpf_get_current_pid_tgid();
	u32 tgid = id >> 32, tid = id, parent = parent_of(task);
	int code = BPF_CORE_READ(task, exit_code);
	struct event *event;
	u64 start;

	if ((only_parent && parent != only_parent) || (!with_threads && tgid != tid))
		return 0;
	if (only_failed && !code)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	if (bpf_core_field_exists(task->start_boottime))
		start = BPF_CORE_READ(task, start_boottime);
	else
		start = BPF_CORE_READ((struct task_struct___before_5_5 *)task, real_start_time);
	event->lived_ns = bpf_ktime_get_boot_ns() - start;
	event->resident_pages = resident(BPF_CORE_READ(task, mm));
	event->faults = BPF_CORE_READ(task, maj_flt) + BPF_CORE_READ(task, min_flt);
	event->pid = tgid;
	event->tid = tid;
	event->parent = parent;
	event->status = code >> 8 & 0xff;
	event->signal = code & 0x7f;
	event->dumped = code >> 7 & 1;
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
