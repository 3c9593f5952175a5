// Two arenas, of which programs can use one.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ARENA 33

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
} pages SEC(".maps"), others SEC(".maps");

SEC("syscall")
int use(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
