// An arena without variables, Linux 6.9.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* include/uapi/linux/bpf.h, of which Debian's is older */
#define ARENA 33
/* of a later bpf_helpers.h */
#define __ulong(name, value) enum { name##_value = value } name

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__ulong(map_extra, 0x1ull << 44);
} pages SEC(".maps");

SEC("syscall")
int use(void *ctx)
{
	asm volatile("r1 = %0" : : "r"(&pages) : "r1");
	return 0;
}

char _license[] SEC("license") = "GPL";
