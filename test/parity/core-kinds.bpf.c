// Each kind of CO-RE by the running kernel: of what is there, has moved, is in a bitfield or an enum, and of what no kernel has,
// which no program can get to.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define preserved __attribute__((preserve_access_index))

struct list_head {
	struct list_head *next, *prev;
} preserved;

/* In another order, with other sizes and fewer members than in any kernel. */
struct task_struct {
	char comm[16];
	int tgid, pid;
	unsigned long flags;
	struct list_head tasks;
	struct task_struct *group_leader;
	unsigned no_new_privs_like : 1;
	unsigned sched_reset_on_fork : 1;
	unsigned sched_contributes_to_load : 1;
	union {
		int anonymous_never;
	};
} preserved;

struct sk_buff {
	unsigned short protocol;
	unsigned char pkt_type : 3;
	unsigned char ignore_df : 1;
	unsigned int len;
	union {
		struct {
			struct sk_buff *next;
		};
	};
} preserved;

struct task_struct___absent {
	long long absent;
	unsigned absent_bits : 5;
	int absent_array[4];
} preserved;

struct absent_type {
	int x;
} preserved;

union absent_union {
	int x;
};

enum absent_enum {
	ABSENT_VALUE = 5,
};

enum bpf_prog_type___some {
	BPF_PROG_TYPE_XDP___some = 1234,
	BPF_PROG_TYPE_ABSENT___some = 77,
};

typedef struct task_struct *absent_typedef;

/* As in the kernel, with some of the members, for bpf_core_type_matches(). */
struct list_head___same {
	struct list_head *next, *prev;
};

struct list_head___other {
	int next;
};

long results[64];

SEC("raw_tp/sys_enter")
int field_offsets(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	results[0] = BPF_CORE_READ(task, pid);
	results[1] = BPF_CORE_READ(task, group_leader, tgid);
	results[2] = bpf_core_field_offset(task->comm[3]);
	results[3] = bpf_core_field_offset(task->tasks.prev);
	return 0;
}

SEC("raw_tp/sys_enter")
int field_sizes(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	results[8] = bpf_core_field_size(task->flags);
	results[9] = bpf_core_field_size(task->comm);
	results[10] = bpf_core_field_size(task->tasks);
	results[11] = bpf_core_field_size(task->tgid);
	return 0;
}

SEC("raw_tp/sys_enter")
int field_existence(void *ctx)
{
	struct task_struct___absent *absent = (void *)bpf_get_current_task();
	struct task_struct *task = (void *)absent;

	results[16] = bpf_core_field_exists(task->flags);
	results[17] = bpf_core_field_exists(task->anonymous_never);
	results[18] = bpf_core_field_exists(absent->absent);
	results[19] = bpf_core_field_exists(absent->absent_bits);
	results[20] = bpf_core_field_exists(((struct absent_type *)0)->x);
	if (bpf_core_field_exists(absent->absent))
		results[21] = BPF_CORE_READ(absent, absent) + bpf_core_field_size(absent->absent_array);
	return 0;
}

SEC("raw_tp/sys_enter")
int signedness(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	results[24] = __builtin_preserve_field_info(task->pid, BPF_FIELD_SIGNED);
	results[25] = __builtin_preserve_field_info(task->flags, BPF_FIELD_SIGNED);
	results[26] = __builtin_preserve_field_info(task->sched_reset_on_fork, BPF_FIELD_SIGNED);
	return 0;
}

SEC("raw_tp/sys_enter")
int bitfields(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sk_buff *skb = (void *)task;

	results[28] = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
	results[29] = BPF_CORE_READ_BITFIELD_PROBED(task, sched_contributes_to_load);
	results[30] = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	results[31] = BPF_CORE_READ_BITFIELD_PROBED(skb, ignore_df);
	results[32] = BPF_CORE_READ_BITFIELD_PROBED(skb, len);
	return 0;
}

SEC("raw_tp/sys_enter")
int types(void *ctx)
{
	results[36] = bpf_core_type_exists(struct task_struct);
	results[37] = bpf_core_type_exists(struct absent_type);
	results[38] = bpf_core_type_exists(union absent_union);
	results[39] = bpf_core_type_exists(absent_typedef);
	results[40] = bpf_core_type_size(struct task_struct);
	results[41] = bpf_core_type_size(struct absent_type);
	results[42] = bpf_core_type_matches(struct list_head___same);
	results[43] = bpf_core_type_matches(struct list_head___other);
	results[44] = bpf_core_type_matches(struct absent_type);
	return 0;
}

SEC("raw_tp/sys_enter")
int type_ids(void *ctx)
{
	results[46] = bpf_core_type_id_kernel(struct task_struct);
	results[47] = bpf_core_type_id_kernel(struct absent_type);
	results[48] = bpf_core_type_id_local(struct absent_type);
	results[49] = bpf_core_type_id_local(enum absent_enum);
	return 0;
}

SEC("raw_tp/sys_enter")
int enumerators(void *ctx)
{
	results[52] = bpf_core_enum_value_exists(enum bpf_prog_type___some, BPF_PROG_TYPE_XDP___some);
	results[53] = bpf_core_enum_value_exists(enum bpf_prog_type___some, BPF_PROG_TYPE_ABSENT___some);
	results[54] = bpf_core_enum_value_exists(enum absent_enum, ABSENT_VALUE);
	results[55] = bpf_core_enum_value(enum bpf_prog_type___some, BPF_PROG_TYPE_XDP___some);
	if (bpf_core_enum_value_exists(enum absent_enum, ABSENT_VALUE))
		results[56] = bpf_core_enum_value(enum absent_enum, ABSENT_VALUE);
	return 0;
}

/* Those that get to what is not there: refused, each for its own. */
SEC("raw_tp/sys_enter")
int reaches_absent_field(void *ctx)
{
	struct task_struct___absent *absent = (void *)bpf_get_current_task();

	results[60] = BPF_CORE_READ(absent, absent);
	return 0;
}

SEC("raw_tp/sys_enter")
int reaches_absent_size(void *ctx)
{
	struct task_struct___absent *absent = (void *)bpf_get_current_task();

	results[61] = bpf_core_field_size(absent->absent_array);
	return 0;
}

SEC("raw_tp/sys_enter")
int reaches_absent_enumerator(void *ctx)
{
	results[62] = bpf_core_enum_value(enum absent_enum, ABSENT_VALUE);
	return 0;
}

char _license[] SEC("license") = "GPL";
