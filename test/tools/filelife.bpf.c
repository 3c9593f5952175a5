// Files that do not live long: which, whose, from creation to removal.
#include "tool.h"

#define NAME 64

struct event {
	u64 nanoseconds;
	u64 inode;
	u32 pid;
	u8 comm[TASK_COMM];
	u8 file[NAME];
};

/* Linux 5.12 put a user namespace in front, 6.3 made it an identity map: the dentry is another argument */
struct renamedata___before_6_3 {
	struct user_namespace *old_mnt_userns;
} __attribute__((preserve_access_index));
struct mnt_idmap___since_6_3 {};

HASH(births, 8192, u64, u64);
RING(events, 1 << 16);
u64 created = 0;

static __always_inline int birth(struct dentry *dentry)
{
	u64 now = bpf_ktime_get_ns(), key = (u64)dentry;

	bpf_map_update_elem(&births, &key, &now, BPF_ANY);
	__sync_fetch_and_add(&created, 1);
	return 0;
}

static __always_inline bool has_namespace(void)
{
	return bpf_core_type_exists(struct mnt_idmap___since_6_3) ||
	       bpf_core_field_exists(((struct renamedata___before_6_3 *)0)->old_mnt_userns);
}

SEC("kprobe/vfs_create")
int BPF_KPROBE(on_create, void *first, void *second, void *third)
{
	return birth(has_namespace() ? third : second);
}

SEC("kprobe/security_inode_create")
int BPF_KPROBE(on_create_checked, struct inode *directory, struct dentry *dentry)
{
	return birth(dentry);
}

SEC("kprobe/security_inode_unlink")
int BPF_KPROBE(on_unlink, struct inode *directory, struct dentry *dentry)
{
	u64 key = (u64)dentry, *since = bpf_map_lookup_elem(&births, &key);
	const u8 *name;
	struct event *event;

	if (!since)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		event->nanoseconds = bpf_ktime_get_ns() - *since;
		event->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		event->pid = current_pid();
		bpf_get_current_comm(&event->comm, sizeof(event->comm));
		name = BPF_CORE_READ(dentry, d_name.name);
		if (bpf_probe_read_kernel_str(event->file, sizeof(event->file), name) < 0)
			event->file[0] = 0;
		bpf_ringbuf_submit(event, 0);
	}
	bpf_map_delete_elem(&births, &key);
	return 0;
}
