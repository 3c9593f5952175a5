// A section name that says no type of program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("no_such_type")
int program(void *ctx)
{
	return 0;
}
