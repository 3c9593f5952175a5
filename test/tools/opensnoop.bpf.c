// Which files are opened, how, and with what result; by a ring buffer, and where the kernel has none by perf buffers.
#include "tool.h"

#define PATH_SIZE 256

struct call {
	const char *path;
	int flags;
};

struct event {
	u64 at;
	u32 pid;
	u32 uid;
	int result;
	int flags;
	u8 comm[TASK_COMM];
	u8 path[PATH_SIZE];
};

const volatile u32 only_pid = 0;
const volatile bool only_failed = false;

HASH(calls, 10240, u32, struct call);
RING(events, 1 << 17);
SCRATCH(scratch, struct event);

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} perf_events SEC(".maps");

static __always_inline int enter(const char *path, int flags)
{
	u64 id = bpf_get_current_pid_tgid();
	struct call call = { .path = path, .flags = flags };
	u32 tid = id;

	if (!only_pid || id >> 32 == only_pid)
		bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
	return 0;
}

static __always_inline int leave(void *ctx, long result)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = id, first = 0;
	struct call *call = bpf_map_lookup_elem(&calls, &tid);
	struct event *event;

	if (!call)
		return 0;
	event = bpf_map_lookup_elem(&scratch, &first);
	if (event && (!only_failed || result < 0)) {
		event->at = bpf_ktime_get_ns();
		event->pid = id >> 32;
		event->uid = bpf_get_current_uid_gid();
		event->result = result;
		event->flags = call->flags;
		bpf_get_current_comm(&event->comm, sizeof(event->comm));
		if (bpf_probe_read_user_str(event->path, PATH_SIZE, call->path) < 0)
			event->path[0] = 0;
		if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_output))
			bpf_ringbuf_output(&events, event, sizeof(*event), 0);
		else
			bpf_perf_event_output(ctx, &perf_events, BPF_F_CURRENT_CPU, event, sizeof(*event));
	}
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_open")
int on_open(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_enter_openat")
int on_openat(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[1], ctx->args[2]);
}

SEC("tracepoint/syscalls/sys_enter_openat2")
int on_openat2(struct trace_event_raw_sys_enter *ctx)
{
	struct open_how how = {};

	bpf_probe_read_user(&how, sizeof(how), (const void *)ctx->args[2]);
	return enter((const char *)ctx->args[1], how.flags);
}

SEC("tracepoint/syscalls/sys_exit_open")
int on_open_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_openat")
int on_openat_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_openat2")
int on_openat2_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, ctx->ret);
}
