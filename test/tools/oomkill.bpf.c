// Who is killed because memory ran out, who asked for it, and what the killer chose by.
#include "tool.h"

struct event {
	u64 pages_of_all;
	u64 total_vm;
	s64 adjustment;
	u32 asker;
	u32 victim;
	u64 memory_cgroup;
	u8 asker_comm[TASK_COMM];
	u8 victim_comm[TASK_COMM];
};

RING(events, 1 << 14);
HASH(asked, 64, u32, struct event);

SEC("?kprobe/oom_kill_process")
int BPF_KPROBE(on_kill, struct oom_control *control, const char *message)
{
	struct task_struct *victim = BPF_CORE_READ(control, chosen);
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->pages_of_all = BPF_CORE_READ(control, totalpages);
	event->memory_cgroup = BPF_CORE_READ(control, memcg, css.id);
	event->total_vm = BPF_CORE_READ(victim, mm, total_vm);
	event->adjustment = BPF_CORE_READ(victim, signal, oom_score_adj);
	event->asker = current_pid();
	event->victim = BPF_CORE_READ(victim, tgid);
	bpf_get_current_comm(&event->asker_comm, sizeof(event->asker_comm));
	BPF_CORE_READ_STR_INTO(&event->victim_comm, victim, comm);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* that of older kernels has nothing but the number */
struct trace_event_raw_mark_victim___since_6_10 {
	int pid;
	unsigned long total_vm;
	short oom_score_adj;
} __attribute__((preserve_access_index));

SEC("tracepoint/oom/mark_victim")
int on_victim(struct trace_event_raw_mark_victim *ctx)
{
	struct trace_event_raw_mark_victim___since_6_10 *wide = (void *)ctx;
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->victim = ctx->pid;
	event->asker = current_pid();
	bpf_get_current_comm(&event->asker_comm, sizeof(event->asker_comm));
	if (bpf_core_field_exists(wide->total_vm)) {
		event->total_vm = BPF_CORE_READ(wide, total_vm);
		event->adjustment = BPF_CORE_READ(wide, oom_score_adj);
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}
