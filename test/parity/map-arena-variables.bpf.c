// Variables in an arena, Linux 6.9: with a value and without, one that is static, and one on the second page.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* include/uapi/linux/bpf.h, of which Debian's is older */
#define ARENA 33
#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} pages SEC(".maps");

struct pair {
	int first, second;
};

int __arena start = 41;
struct pair __arena pair = { 7, 9 };
long __arena zero;
static int __arena hidden = 5;
int __arena many[1250];

SEC("syscall")
int use(void *ctx)
{
	/* the verifier wants to know the arena from a reference to the map */
	asm volatile("r1 = %0" : : "r"(&pages) : "r1");
	start++;
	zero = pair.first * 1000 + pair.second;
	many[1249] = hidden++;
	return start;
}

char _license[] SEC("license") = "GPL";
