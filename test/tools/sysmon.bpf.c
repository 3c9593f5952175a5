// clang: -gdwarf-5
// An agent of the size of those that watch whole fleets: what processes do, by system call, each with a program of its own
// that is called from a dispatcher, and with all that is known of who does it.
#include "tool.h"
#include "sysmon-calls.h"

#define TEXT 256
#define MOST_CALLS 512
#define PF_KTHREAD 0x00200000

enum argument { NUMBER = 1, DESCRIPTOR, PATH, ADDRESS, BYTES };

struct who {
	u64 started;
	u64 cgroup;
	u64 executable;
	u64 executable_device;
	u64 permitted;
	u64 effective;
	u64 vm_pages;
	u32 pid;
	u32 tid;
	u32 parent;
	u32 session;
	u32 group;
	u32 uid;
	u32 gid;
	u32 effective_uid;
	u32 effective_gid;
	u32 saved_uid;
	u32 fs_uid;
	u32 login_uid;
	u32 audit_session;
	u32 pid_namespace;
	u32 mount_namespace;
	u32 network_namespace;
	u32 user_namespace;
	u32 cgroup_namespace;
	u32 uts_namespace;
	u32 ipc_namespace;
	u32 pid_inside;
	u32 terminal;
	u32 threads;
	u8 comm[TASK_COMM];
	u8 parent_comm[TASK_COMM];
};

struct descriptor {
	u64 inode;
	u32 device;
	u32 mode;
	u32 flags;
	u16 family;
	u16 port;
	u8 name[32];
};

struct event {
	u64 at;
	u64 nanoseconds;
	long result;
	u32 number;
	u32 arguments;
	u64 values[4];
	struct who who;
	struct descriptor descriptor;
	u32 size;
	u8 text[4 * TEXT];
};

struct call {
	u64 at;
	u64 number;
	u64 values[4];
};

struct rate {
	u64 window;
	u64 count;
};

/* names of fields and types that other kernels have */
struct task_struct___with_audit {
	kuid_t loginuid;
	unsigned int sessionid;
} __attribute__((preserve_access_index));
struct mount___any {
	struct mnt_namespace *mnt_ns;
} __attribute__((preserve_access_index));
struct kernfs_node___before_5_5 {
	union {
		u64 id;
		struct {
			u32 ino;
			u32 generation;
		};
	} id;
} __attribute__((preserve_access_index));
struct kernel_cap_struct___before_6_3 {
	u32 cap[2];
} __attribute__((preserve_access_index));
struct cred___before_6_3 {
	struct kernel_cap_struct___before_6_3 cap_permitted, cap_effective;
} __attribute__((preserve_access_index));

const volatile u32 only_pid = 0;
const volatile u32 only_uid = -1;
const volatile bool with_kernel_threads = false, only_failed = false;
const volatile u64 at_least_ns = 0, most_per_second = 1000000;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct call);
} running SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct who);
} processes SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MOST_CALLS);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MOST_CALLS);
	__type(key, u32);
	__type(value, u8);
} wanted SEC(".maps");
RING(events, 1 << 20);
SCRATCH(scratch, struct event);
HASH(rates, 4096, u32, struct rate);
HASH(muted_cgroups, 256, u64, u8);
HASH(muted_programs, 256, u64, u8);
HASH(watched_paths, 1024, u64, u32);
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(u32));
	__uint(value_size, 127 * sizeof(u64));
} stacks SEC(".maps");

u64 seen = 0, submitted = 0, lost = 0, limited = 0, muted = 0;

static __always_inline u64 capabilities(const struct cred *cred, bool effective)
{
	const struct cred___before_6_3 *old = (const void *)cred;
	u64 set = 0;

	if (bpf_core_type_exists(struct kernel_cap_struct___before_6_3)) {
		u32 halves[2] = {};

		if (effective)
			BPF_CORE_READ_INTO(&halves, old, cap_effective.cap);
		else
			BPF_CORE_READ_INTO(&halves, old, cap_permitted.cap);
		return (u64)halves[1] << 32 | halves[0];
	}
	if (effective)
		BPF_CORE_READ_INTO(&set, cred, cap_effective.val);
	else
		BPF_CORE_READ_INTO(&set, cred, cap_permitted.val);
	return set;
}

static __always_inline void take_namespaces(struct who *who, struct task_struct *task)
{
	struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	who->pid_inside = upid.nr;
	who->pid_namespace = BPF_CORE_READ(upid.ns, ns.inum);
	who->mount_namespace = BPF_CORE_READ(proxy, mnt_ns, ns.inum);
	who->network_namespace = BPF_CORE_READ(proxy, net_ns, ns.inum);
	who->cgroup_namespace = BPF_CORE_READ(proxy, cgroup_ns, ns.inum);
	who->uts_namespace = BPF_CORE_READ(proxy, uts_ns, ns.inum);
	who->ipc_namespace = BPF_CORE_READ(proxy, ipc_ns, ns.inum);
	who->user_namespace = BPF_CORE_READ(task, cred, user_ns, ns.inum);
}

static __always_inline void take_credentials(struct who *who, struct task_struct *task)
{
	struct task_struct___with_audit *audited = (void *)task;
	const struct cred *cred = BPF_CORE_READ(task, cred);

	who->uid = BPF_CORE_READ(cred, uid.val);
	who->gid = BPF_CORE_READ(cred, gid.val);
	who->effective_uid = BPF_CORE_READ(cred, euid.val);
	who->effective_gid = BPF_CORE_READ(cred, egid.val);
	who->saved_uid = BPF_CORE_READ(cred, suid.val);
	who->fs_uid = BPF_CORE_READ(cred, fsuid.val);
	who->permitted = capabilities(cred, false);
	who->effective = capabilities(cred, true);
	who->login_uid = -1;
	if (bpf_core_field_exists(audited->loginuid)) {
		who->login_uid = BPF_CORE_READ(audited, loginuid.val);
		who->audit_session = BPF_CORE_READ(audited, sessionid);
	}
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	struct kernfs_node___before_5_5 *old = (void *)node;

	if (bpf_core_field_exists(old->id.ino))
		return BPF_CORE_READ(old, id.id);
	return BPF_CORE_READ(node, id);
}

static __always_inline void take_process(struct who *who, struct task_struct *task)
{
	struct file *executable = BPF_CORE_READ(task, mm, exe_file);

	who->pid = BPF_CORE_READ(task, tgid);
	who->tid = BPF_CORE_READ(task, pid);
	who->parent = parent_of(task);
	who->session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID], numbers[0].nr);
	who->group = BPF_CORE_READ(task, signal, pids[PIDTYPE_PGID], numbers[0].nr);
	who->threads = BPF_CORE_READ(task, signal, nr_threads);
	who->terminal = BPF_CORE_READ(task, signal, tty, index);
	who->started = BPF_CORE_READ(task, group_leader, start_boottime);
	who->cgroup = cgroup_of(task);
	who->vm_pages = BPF_CORE_READ(task, mm, total_vm);
	who->executable = BPF_CORE_READ(executable, f_inode, i_ino);
	who->executable_device = BPF_CORE_READ(executable, f_inode, i_sb, s_dev);
	BPF_CORE_READ_STR_INTO(&who->comm, task, comm);
	BPF_CORE_READ_STR_INTO(&who->parent_comm, task, real_parent, comm);
}

static __always_inline void take_descriptor(struct descriptor *taken, struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = 0;
	const u8 *name;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	if (!file)
		return;
	taken->inode = BPF_CORE_READ(file, f_inode, i_ino);
	taken->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	taken->mode = BPF_CORE_READ(file, f_inode, i_mode);
	taken->flags = BPF_CORE_READ(file, f_flags);
	name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	bpf_probe_read_kernel_str(taken->name, sizeof(taken->name), name);
	if ((taken->mode & 0170000) == 0140000 /* S_IFSOCK */) {
		struct socket *socket = BPF_CORE_READ(file, private_data);

		taken->family = BPF_CORE_READ(socket, sk, __sk_common.skc_family);
		taken->port = BPF_CORE_READ(socket, sk, __sk_common.skc_num);
	}
}

static __always_inline void take_text(struct event *event, const void *from, bool is_text)
{
	u32 size = event->size;
	long taken;

	if (size > sizeof(event->text) - TEXT)
		return;
	if (is_text) {
		taken = bpf_probe_read_user_str(event->text + size, TEXT, from);
		if (taken > 0)
			event->size = size + taken;
	} else if (!bpf_probe_read_user(event->text + size, 32, from)) {
		event->size = size + 32;
	}
}

static __always_inline void take(struct event *event, struct task_struct *task, int i, enum argument kind)
{
	event->values[i] = kind ? event->values[i] : 0;
	event->arguments |= kind << 8 * i;
	if (kind == DESCRIPTOR && !event->descriptor.inode)
		take_descriptor(&event->descriptor, task, event->values[i]);
	else if (kind == PATH)
		take_text(event, (const void *)event->values[i], true);
	else if (kind == ADDRESS || kind == BYTES)
		take_text(event, (const void *)event->values[i], false);
}

static __always_inline bool is_limited(u32 pid)
{
	struct rate zero = {}, *rate = found_or_new(&rates, &pid, &zero);
	u64 window = bpf_ktime_get_ns() / 1000000000;

	if (!rate)
		return false;
	if (rate->window != window) {
		rate->window = window;
		rate->count = 0;
	}
	return __sync_fetch_and_add(&rate->count, 1) >= most_per_second;
}

static __always_inline bool is_muted(const struct who *who)
{
	return bpf_map_lookup_elem(&muted_cgroups, &who->cgroup) ||
	       bpf_map_lookup_elem(&muted_programs, &who->executable);
}

/* what all that a system call's own program starts with */
static __always_inline struct event *begun(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tid = bpf_get_current_pid_tgid(), first = 0;
	struct call *call = bpf_map_lookup_elem(&running, &tid);
	struct event *event = bpf_map_lookup_elem(&scratch, &first);

	if (!call || !event)
		return 0;
	__builtin_memset(event, 0, __builtin_offsetof(struct event, text));
	event->at = call->at;
	event->nanoseconds = bpf_ktime_get_ns() - call->at;
	event->number = call->number;
	event->result = ctx->args[1];
	__builtin_memcpy(event->values, call->values, sizeof(event->values));
	return event;
}

static __always_inline int ended(struct event *event, struct task_struct *task)
{
	take_process(&event->who, task);
	take_credentials(&event->who, task);
	take_namespaces(&event->who, task);
	if (is_muted(&event->who)) {
		__sync_fetch_and_add(&muted, 1);
		return 0;
	}
	if (is_limited(event->who.pid)) {
		__sync_fetch_and_add(&limited, 1);
		return 0;
	}
	if (bpf_ringbuf_output(&events, event, sizeof(*event), 0))
		__sync_fetch_and_add(&lost, 1);
	else
		__sync_fetch_and_add(&submitted, 1);
	return 0;
}

#define KIND_N NUMBER
#define KIND_F DESCRIPTOR
#define KIND_P PATH
#define KIND_A ADDRESS
#define KIND_B BYTES
#define KIND_O 0

#define PROGRAM(number, name, a, b, c, d)                                                           \
	SEC("raw_tp")                                                                              \
	int call_##name(struct bpf_raw_tracepoint_args *ctx)                                       \
	{                                                                                          \
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();           \
		struct event *event = begun(ctx);                                                  \
                                                                                                   \
		if (!event)                                                                        \
			return 0;                                                                  \
		take(event, task, 0, KIND_##a);                                                    \
		take(event, task, 1, KIND_##b);                                                    \
		take(event, task, 2, KIND_##c);                                                    \
		take(event, task, 3, KIND_##d);                                                    \
		return ended(event, task);                                                         \
	}
SYSMON_CALLS(PROGRAM)

#define SLOT(number, name, ...) [number] = (void *)&call_##name,
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, MOST_CALLS);
	__uint(key_size, sizeof(u32));
	__array(values, int(struct bpf_raw_tracepoint_args *));
} programs SEC(".maps") = { .values = { SYSMON_CALLS(SLOT) } };

static __always_inline bool is_wanted(struct task_struct *task)
{
	u64 id = bpf_get_current_pid_tgid();

	if (only_pid && id >> 32 != only_pid)
		return false;
	if (only_uid != -1 && only_uid != (u32)bpf_get_current_uid_gid())
		return false;
	return with_kernel_threads || !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	struct call call = { .at = bpf_ktime_get_ns(), .number = ctx->args[1] };
	u32 tid = bpf_get_current_pid_tgid(), number = ctx->args[1];
	u8 *is_asked_for;
	u64 *count;

	if (!is_wanted(task))
		return 0;
	__sync_fetch_and_add(&seen, 1);
	count = bpf_map_lookup_elem(&counts, &number);
	if (count)
		*count += 1;
	is_asked_for = bpf_map_lookup_elem(&wanted, &number);
	if (!is_asked_for || !*is_asked_for)
		return 0;
	call.values[0] = PT_REGS_PARM1_CORE_SYSCALL(regs);
	call.values[1] = PT_REGS_PARM2_CORE_SYSCALL(regs);
	call.values[2] = PT_REGS_PARM3_CORE_SYSCALL(regs);
	call.values[3] = PT_REGS_PARM4_CORE_SYSCALL(regs);
	bpf_map_update_elem(&running, &tid, &call, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&running, &tid);

	if (!call)
		return 0;
	if ((!only_failed || (long)ctx->args[1] < 0) && bpf_ktime_get_ns() - call->at >= at_least_ns)
		bpf_tail_call(ctx, &programs, call->number);
	bpf_map_delete_elem(&running, &tid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old, struct linux_binprm *bprm)
{
	struct who who = {};

	if (!is_wanted(task))
		return 0;
	take_process(&who, task);
	take_credentials(&who, task);
	take_namespaces(&who, task);
	bpf_map_update_elem(&processes, &who.pid, &who, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_process_exit, struct task_struct *task)
{
	u32 pid = task->tgid, tid = task->pid;

	bpf_map_delete_elem(&running, &tid);
	if (pid == tid)
		bpf_map_delete_elem(&processes, &pid);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct who *who, copy;
	u32 pid = parent->tgid;

	who = bpf_map_lookup_elem(&processes, &pid);
	if (!who || child->tgid != child->pid)
		return 0;
	copy = *who;
	copy.pid = copy.tid = pid = child->tgid;
	copy.parent = parent->tgid;
	bpf_map_update_elem(&processes, &pid, &copy, BPF_ANY);
	return 0;
}
