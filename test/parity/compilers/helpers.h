/* What <bpf/bpf_helpers.h> has, in words that gcc 12 understands, too: it takes a call of a constant address for one that
 * it cannot make, and has an attribute instead. */
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) value *name
#define __noinline __attribute__((noinline))

#ifdef __clang__
#define HELPER(result, name, number, ...) static result (*name)(__VA_ARGS__) = (void *)number
#else
#define HELPER(result, name, number, ...) \
	extern result name(__VA_ARGS__) __attribute__((kernel_helper(number)))
#endif

HELPER(void *, bpf_map_lookup_elem, 1, void *map, const void *key);
HELPER(long, bpf_map_update_elem, 2, void *map, const void *key, const void *value, __u64 flags);
HELPER(__u64, bpf_ktime_get_ns, 5, void);
HELPER(__u64, bpf_get_current_task, 35, void);
HELPER(long, bpf_probe_read_kernel, 113, void *to, __u32 size, const void *from);
