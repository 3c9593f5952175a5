// Which programs are started, by whom, with which arguments, and how execve() ended.
#include "tool.h"

#define MOST_ARGS 20
#define ARG_SIZE 128

struct event {
	u64 cgroup;
	u32 pid;
	u32 parent;
	u32 uid;
	int result;
	u32 args;
	u32 size;
	u8 comm[TASK_COMM];
	u8 text[MOST_ARGS * ARG_SIZE];
};

const volatile u32 only_parent = 0;
const volatile bool with_failed = false;
const volatile u32 most_args = MOST_ARGS;

static const struct event zero;

HASH(started, 10240, u32, struct event);
RING(events, 1 << 18);
u64 lost = 0;

static __always_inline void take_args(struct event *event, const char *const *argv)
{
	u32 size = 0;

	for (u32 i = 1; i < MOST_ARGS && i < most_args; i++) {
		const char *arg = 0;
		long taken;

		if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) || !arg)
			break;
		if (size > sizeof(event->text) - ARG_SIZE)
			break;
		taken = bpf_probe_read_user_str(event->text + size, ARG_SIZE, arg);
		if (taken < 0)
			break;
		size += taken;
		event->args++;
	}
	event->size = size;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int on_enter(struct trace_event_raw_sys_enter *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 tid = id, parent = parent_of(task);
	struct event *event;

	if (only_parent && parent != only_parent)
		return 0;
	if (bpf_map_update_elem(&started, &tid, &zero, BPF_ANY))
		return 0;
	event = bpf_map_lookup_elem(&started, &tid);
	if (!event)
		return 0;
	event->pid = id >> 32;
	event->parent = parent;
	event->uid = bpf_get_current_uid_gid();
	event->cgroup = bpf_get_current_cgroup_id();
	take_args(event, (const char *const *)ctx->args[1]);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_execve")
int on_exit(struct trace_event_raw_sys_exit *ctx)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct event *event = bpf_map_lookup_elem(&started, &tid);

	if (!event)
		return 0;
	event->result = ctx->ret;
	if (event->result == 0 || with_failed) {
		bpf_get_current_comm(&event->comm, sizeof(event->comm));
		if (bpf_ringbuf_output(&events, event, sizeof(*event), 0))
			__sync_fetch_and_add(&lost, 1);
	}
	bpf_map_delete_elem(&started, &tid);
	return 0;
}
