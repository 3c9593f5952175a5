// A license that is not the GPL, and a version section as old objects have it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp")
int needs_gpl(void *ctx)
{
	bpf_printk("hello");
	return 0;
}

SEC("kprobe/do_nanosleep")
int needs_nothing(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "Proprietary";
__u32 _version SEC("version") = 0x60100;
