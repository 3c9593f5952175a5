// What the tools have in common. vmlinux.h is what bpftool writes of Linux 6.18; on other kernels CO-RE finds the fields.
#ifndef TOOL_H
#define TOOL_H

#define __TARGET_ARCH_x86
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TASK_COMM 16
#define SLOTS 32

/* a map of one kind or the other, as all tools want them */
#define HASH(name, entries, keys, values)                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, entries);                                                      \
		__type(key, keys);                                                                 \
		__type(value, values);                                                             \
	} name SEC(".maps")

#define RING(name, size)                                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, size);                                                         \
	} name SEC(".maps")

#define SCRATCH(name, values)                                                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, 1);                                                            \
		__type(key, u32);                                                                  \
		__type(value, values);                                                             \
	} name SEC(".maps")

/* the value of a key, made of zeros where there is none yet; key and value are pointers */
static __always_inline void *found_or_new(void *map, const void *key, const void *zero)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline u32 log2_of(u64 value)
{
	u32 result = 0;

#pragma unroll
	for (int shift = 32; shift > 0; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			result += shift;
		}
	}
	return result < SLOTS ? result : SLOTS - 1;
}

static __always_inline u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* task_struct.state was renamed in Linux 5.14 */
struct task_struct___before_5_14 {
	volatile long state;
} __attribute__((preserve_access_index));

static __always_inline long state_of(const struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ((const struct task_struct___before_5_14 *)task, state);
}

static __always_inline u32 parent_of(const struct task_struct *task)
{
	return BPF_CORE_READ(task, real_parent, tgid);
}

char LICENSE[] SEC("license") = "GPL";

#endif
