// Variables of an arena that has less room than they need.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ARENA 33

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
} pages SEC(".maps");

char __attribute__((address_space(1))) many[5000];

SEC("syscall")
int use(void *ctx)
{
	asm volatile("r1 = %0" : : "r"(&pages) : "r1");
	return many[0];
}

char _license[] SEC("license") = "GPL";
