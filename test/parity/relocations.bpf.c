// What an instruction can refer to, each kind at least once: maps, variables of each linkage and kind of section, strings,
// functions by call and by address, in programs and in what they call.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} others SEC(".maps");

struct pair {
	int left;
	__u64 right;
};

int global = 1;
static volatile int local = 2;
__hidden int hidden = 3;
__weak int weak = 4;
int zero;
static volatile int local_zero;
const volatile int constant = 5;
static const volatile struct pair constants[4] = { { 1, 2 }, { 3, 4 } };
__u64 own SEC(".data.own") = 6;
const volatile __u64 own_constant SEC(".rodata.own") = 7;
__u64 own_zero SEC(".bss.own");

static __noinline int of_object(int n)
{
	return n * local + constants[n & 3].left;
}

__noinline int of_all(int n)
{
	global += n;
	return of_object(n + 1) + global;
}

__weak __noinline int of_whoever(int n)
{
	return n + weak;
}

__hidden __noinline int of_linked(int n)
{
	hidden++;
	return n + hidden;
}

struct bpf_map;

static long each(struct bpf_map *map, __u32 *key, __u64 *value, struct pair *pair)
{
	pair->right += *value;
	return of_object(pair->left) < 0;
}

static long looped(__u32 index, struct pair *pair)
{
	pair->left += index;
	return 0;
}

SEC("raw_tp")
int variables(void *ctx)
{
	global++;
	local++;
	zero++;
	local_zero++;
	own += own_constant;
	own_zero++;
	return constant + constants[global & 3].right + weak + hidden;
}

SEC("raw_tp")
int calls(void *ctx)
{
	return of_object(1) + of_all(2) + of_whoever(3) + of_linked(4);
}

SEC("raw_tp")
int addresses(void *ctx)
{
	struct pair pair = {};

	bpf_for_each_map_elem(&counts, each, &pair, 0);
	bpf_loop(4, looped, &pair, 0);
	bpf_for_each_map_elem(&others, each, &pair, 0);
	return pair.right;
}

SEC("raw_tp")
int strings(void *ctx)
{
	bpf_printk("global %d", global);
	bpf_printk("a string alone\n");
	return 0;
}

SEC("raw_tp")
int two_of_one(void *ctx)
{
	return of_all(zero);
}

/* Two in one section, the second behind the first. */
SEC("raw_tp/sys_enter")
int first(void *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		__sync_fetch_and_add(count, of_all(1));
	return 0;
}

SEC("raw_tp/sys_enter")
int second(void *ctx)
{
	__u32 key = 1;
	__u64 *count = bpf_map_lookup_elem(&others, &key);

	if (count)
		__sync_fetch_and_add(count, of_whoever(1));
	return 0;
}

char _license[] SEC("license") = "GPL";
