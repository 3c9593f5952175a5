// CO-RE in the one way that all compilers know: by a builtin around the access. Numbers are not the kernel's.
#include "helpers.h"

struct task_struct {
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
};

struct task_struct___other {
	int no_such_member;
};

struct not_in_any_kernel {
	int x;
};

#define read(to, field) \
	bpf_probe_read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(&(field)))
#define exists(field) __builtin_preserve_field_info(field, 2)
#define size(field) __builtin_preserve_field_info(field, 1)

SEC("raw_tp/sys_enter")
int leader(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *group_leader = 0;
	int tgid = 0;

	read(group_leader, task->group_leader);
	read(tgid, group_leader->tgid);
	return tgid;
}

#ifdef __clang__
SEC("raw_tp/sys_exit")
int information(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___other *other = (void *)task;

	if (exists(other->no_such_member))
		return 1;
	return size(task->comm);
}
#endif

char _license[] SEC("license") = "GPL";
