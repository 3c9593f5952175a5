// A policy by LSM hooks: files that nobody may write, programs that nobody may start, and who loads BPF.
#include "tool.h"

#define EPERM 1
#define NAME 64

struct file_id {
	u64 inode;
	u64 device;
};

struct event {
	u64 inode;
	u32 pid;
	u32 hook;
	int verdict;
	u8 comm[TASK_COMM];
	u8 name[NAME];
};

enum hook { ON_OPEN, ON_EXEC, ON_KILL, ON_UNLINK };

HASH(kept_files, 1024, struct file_id, u32);
HASH(kept_programs, 1024, struct file_id, u32);
RING(events, 1 << 16);

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} opened SEC(".maps");

const volatile bool only_watch = false;
const volatile u32 protected_pid = 0;
u64 bpf_commands[64] = {};

static __always_inline int judged(enum hook hook, int verdict, struct dentry *dentry)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		event->pid = current_pid();
		event->hook = hook;
		event->verdict = verdict;
		bpf_get_current_comm(&event->comm, sizeof(event->comm));
		if (dentry) {
			event->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
			bpf_probe_read_kernel_str(event->name, NAME, BPF_CORE_READ(dentry, d_name.name));
		}
		bpf_ringbuf_submit(event, 0);
	}
	/* else clang negates a bit for it, of which Linux 6.12 knows no limits */
	barrier_var(verdict);
	return only_watch ? 0 : verdict;
}

static __always_inline struct file_id id_of(struct inode *inode)
{
	return (struct file_id){
		.inode = BPF_CORE_READ(inode, i_ino),
		.device = BPF_CORE_READ(inode, i_sb, s_dev),
	};
}

SEC("lsm/file_open")
int BPF_PROG(on_open, struct file *file)
{
	struct file_id id = id_of(file->f_inode);
	u64 *count;

	if (!bpf_map_lookup_elem(&kept_files, &id))
		return 0;
	count = bpf_inode_storage_get(&opened, file->f_inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (count)
		__sync_fetch_and_add(count, 1);
	if (!(file->f_flags & 3 /* O_ACCMODE: O_WRONLY, O_RDWR */))
		return 0;
	return judged(ON_OPEN, -EPERM, BPF_CORE_READ(file, f_path.dentry));
}

SEC("lsm.s/bprm_check_security")
int BPF_PROG(on_exec, struct linux_binprm *bprm)
{
	struct file_id id = id_of(BPF_CORE_READ(bprm, file, f_inode));

	if (!bpf_map_lookup_elem(&kept_programs, &id))
		return 0;
	return judged(ON_EXEC, -EPERM, BPF_CORE_READ(bprm, file, f_path.dentry));
}

SEC("lsm/bpf")
int BPF_PROG(on_bpf, int command, union bpf_attr *attr, unsigned int size)
{
	if (command >= 0 && command < 64)
		__sync_fetch_and_add(&bpf_commands[command], 1);
	return 0;
}

SEC("lsm/task_kill")
int BPF_PROG(on_kill, struct task_struct *task, struct kernel_siginfo *info, int signal)
{
	if (!protected_pid || task->tgid != protected_pid || signal != 9)
		return 0;
	return judged(ON_KILL, -EPERM, 0);
}

SEC("lsm/inode_unlink")
int BPF_PROG(on_unlink, struct inode *directory, struct dentry *dentry)
{
	struct file_id id = id_of(dentry->d_inode);

	if (!bpf_map_lookup_elem(&kept_files, &id))
		return 0;
	return judged(ON_UNLINK, -EPERM, dentry);
}
