// Without a license: a helper for GPL only is refused, the other program is not.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp")
int needs_gpl(void *ctx)
{
	bpf_printk("hello");
	return 0;
}

SEC("raw_tp")
int needs_nothing(void *ctx)
{
	return bpf_ktime_get_ns() > 0;
}
