// All tasks and their open files, as text and as records, by iterators.
#include "tool.h"

struct record {
	u32 tgid;
	u32 pid;
	u32 parent;
	u32 uid;
	u64 start;
	u64 vm_pages;
	u8 comm[TASK_COMM];
};

const volatile u32 only_tgid = 0;
u64 tasks = 0, files = 0;

/* before Linux 5.14 a letter of the state had another field */
static __always_inline char letter(struct task_struct *task)
{
	long state = state_of(task);

	if (state & 1)
		return 'S';
	if (state & 2)
		return 'D';
	return state ? '?' : 'R';
}

SEC("iter/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	static const char header[] = "  tgid    pid parent state comm\n";
	static const char line[] = "%6d %6d %6d %c     %s\n";
	struct task_struct *task = ctx->task;
	char comm[TASK_COMM] = {};

	if (!task || (only_tgid && task->tgid != only_tgid))
		return 0;
	if (ctx->meta->seq_num == 0)
		bpf_seq_write(ctx->meta->seq, header, sizeof(header) - 1);
	__sync_fetch_and_add(&tasks, 1);
	BPF_CORE_READ_STR_INTO(&comm, task, comm);
	u64 values[] = { task->tgid, task->pid, parent_of(task), letter(task), (u64)comm };
	bpf_seq_printf(ctx->meta->seq, line, sizeof(line), values, sizeof(values));
	return 0;
}

SEC("iter/task")
int dump_records(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct record record = {};

	if (!task || (only_tgid && task->tgid != only_tgid))
		return 0;
	record.tgid = task->tgid;
	record.pid = task->pid;
	record.parent = parent_of(task);
	record.uid = BPF_CORE_READ(task, cred, uid.val);
	record.start = task->start_time;
	record.vm_pages = BPF_CORE_READ(task, mm, total_vm);
	BPF_CORE_READ_STR_INTO(&record.comm, task, comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/task_file")
int dump_files(struct bpf_iter__task_file *ctx)
{
	static const char line[] = "%d %d %llu %s\n";
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	char name[32] = {};

	if (!task || !file || (only_tgid && task->tgid != only_tgid))
		return 0;
	__sync_fetch_and_add(&files, 1);
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	u64 values[] = { task->tgid, ctx->fd, BPF_CORE_READ(file, f_inode, i_ino), (u64)name };
	bpf_seq_printf(ctx->meta->seq, line, sizeof(line), values, sizeof(values));
	return 0;
}
