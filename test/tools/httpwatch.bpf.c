// Plain HTTP requests that a process reads from its sockets, by uprobes of the C library, with how long answering took.
#include "tool.h"

#define LINE 96

struct read {
	u64 at;
	u32 fd;
	const u8 *buffer;
};

struct group_key {
	u32 tgid;
	u32 fd;
};

struct event {
	u64 nanoseconds;
	u32 pid;
	u32 fd;
	u32 size;
	u8 comm[TASK_COMM];
	u8 line[LINE];
};

const volatile u32 only_pid = 0;

HASH(reads, 4096, u32, struct read);
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct group_key);
	__type(value, struct event);
} requests SEC(".maps");
RING(events, 1 << 17);
static const struct event zero;

static __always_inline int enter(int fd, const void *buffer)
{
	struct read read = { .at = bpf_ktime_get_ns(), .fd = fd, .buffer = buffer };
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = id;

	if (!only_pid || id >> 32 == only_pid)
		bpf_map_update_elem(&reads, &tid, &read, BPF_ANY);
	return 0;
}

SEC("uprobe/libc.so.6:read")
int BPF_KPROBE(on_read, int fd, const void *buffer)
{
	return enter(fd, buffer);
}

SEC("uprobe/libc.so.6:recv")
int BPF_KPROBE(on_recv, int fd, const void *buffer)
{
	return enter(fd, buffer);
}

static __always_inline int leave(long size)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = id;
	struct read *read = bpf_map_lookup_elem(&reads, &tid);
	struct group_key key = { .tgid = id >> 32 };
	struct event *event;
	u8 start[4] = {};

	if (!read)
		return 0;
	if (size >= 16 && !bpf_probe_read_user(start, sizeof(start), read->buffer) &&
	    (!__builtin_memcmp(start, "GET ", 4) || !__builtin_memcmp(start, "POST", 4))) {
		key.fd = read->fd;
		bpf_map_update_elem(&requests, &key, &zero, BPF_ANY);
		event = bpf_map_lookup_elem(&requests, &key);
		if (event) {
			event->nanoseconds = bpf_ktime_get_ns();
			event->pid = key.tgid;
			event->fd = key.fd;
			event->size = size;
			bpf_probe_read_user_str(event->line, LINE, read->buffer);
		}
	}
	bpf_map_delete_elem(&reads, &tid);
	return 0;
}

SEC("uretprobe/libc.so.6:read")
int BPF_KRETPROBE(on_read_exit, long size)
{
	return leave(size);
}

SEC("uretprobe/libc.so.6:recv")
int BPF_KRETPROBE(on_recv_exit, long size)
{
	return leave(size);
}

static __always_inline int answered(int fd)
{
	struct group_key key = { .tgid = current_pid(), .fd = fd };
	struct event *event = bpf_map_lookup_elem(&requests, &key);

	if (!event)
		return 0;
	event->nanoseconds = bpf_ktime_get_ns() - event->nanoseconds;
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	bpf_ringbuf_output(&events, event, sizeof(*event), 0);
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("uprobe/libc.so.6:write")
int BPF_KPROBE(on_write, int fd)
{
	return answered(fd);
}

SEC("uprobe/libc.so.6:writev")
int BPF_KPROBE(on_writev, int fd)
{
	return answered(fd);
}
