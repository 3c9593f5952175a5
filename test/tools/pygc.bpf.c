// How long Python's garbage collector stops a program, and what it finds, by the interpreter's own probes (USDT).
#include "tool.h"
#include <bpf/usdt.bpf.h>

#define NAME 64

struct pause {
	u64 nanoseconds;
	u64 collected;
	u32 pid;
	int generation;
	u8 comm[TASK_COMM];
};

struct started {
	u64 at;
	int generation;
};

struct imported {
	u64 at;
	u32 pid;
	u8 name[NAME];
};

const volatile u32 only_pid = 0;
const volatile u64 at_least_ns = 0;

HASH(running, 1024, u32, struct started);
RING(events, 1 << 15);
RING(imports, 1 << 15);
u64 pauses[3] = {}, nanoseconds[3] = {};

SEC("usdt//usr/bin/python3:python:gc__start")
int BPF_USDT(on_start, int generation)
{
	struct started started = { .at = bpf_ktime_get_ns(), .generation = generation };
	u32 tid = bpf_get_current_pid_tgid();

	if (!only_pid || current_pid() == only_pid)
		bpf_map_update_elem(&running, &tid, &started, BPF_ANY);
	return 0;
}

SEC("usdt//usr/bin/python3:python:gc__done")
int BPF_USDT(on_done, long collected)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct started *started = bpf_map_lookup_elem(&running, &tid);
	struct pause *pause;
	u32 generation;
	u64 took;

	if (!started)
		return 0;
	took = bpf_ktime_get_ns() - started->at;
	generation = started->generation;
	if (generation < 3) {
		__sync_fetch_and_add(&pauses[generation], 1);
		__sync_fetch_and_add(&nanoseconds[generation], took);
	}
	pause = took >= at_least_ns ? bpf_ringbuf_reserve(&events, sizeof(*pause), 0) : 0;
	if (pause) {
		pause->nanoseconds = took;
		pause->collected = collected;
		pause->pid = current_pid();
		pause->generation = started->generation;
		bpf_get_current_comm(&pause->comm, sizeof(pause->comm));
		bpf_ringbuf_submit(pause, 0);
	}
	bpf_map_delete_elem(&running, &tid);
	return 0;
}

SEC("usdt//usr/bin/python3:python:import__find__load__start")
int BPF_USDT(on_import, const char *name)
{
	struct imported *imported;

	if (only_pid && current_pid() != only_pid)
		return 0;
	imported = bpf_ringbuf_reserve(&imports, sizeof(*imported), 0);
	if (!imported)
		return 0;
	imported->at = bpf_ktime_get_ns();
	imported->pid = current_pid();
	if (bpf_probe_read_user_str(imported->name, NAME, name) < 0)
		imported->name[0] = 0;
	bpf_ringbuf_submit(imported, 0);
	return 0;
}
