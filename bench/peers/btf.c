/* The types of the running kernel, from the file to lookups, by libbpf; and its memory.
 *
 * usage: btf            as the other peers
 *        btf LOOKUPS    once, for a process to be timed
 *        btf -          nothing, for its memory
 *        btf rss-vmlinux and then how much memory the process has, in bytes
 *        btf rss-open OBJECT */
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define main serve
#include "peer.h"
#undef main

struct lookup {
	char kind[16], name[64], member[64];
};

static int read_lookups(const char *path, struct lookup *lookups, int most)
{
	FILE *file = fopen(path, "r");
	int n = 0;

	if (!file)
		return -errno;
	while (n < most && fscanf(file, "%15s %63s %63s", lookups[n].kind, lookups[n].name, lookups[n].member) == 3)
		n++;
	fclose(file);
	return n;
}

static int kind_of(const char *name)
{
	static const char *const kinds[] = {
		[BTF_KIND_STRUCT] = "struct", [BTF_KIND_UNION] = "union", [BTF_KIND_ENUM] = "enum",
		[BTF_KIND_TYPEDEF] = "typedef", [BTF_KIND_FUNC] = "func",
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i] && !strcmp(kinds[i], name))
			return i;
	return -1;
}

static int64_t look_up(const struct btf *btf, const struct lookup *lookup)
{
	int id = btf__find_by_name_kind(btf, lookup->name, kind_of(lookup->kind));
	const struct btf_type *type;
	const struct btf_member *member;

	if (id < 0)
		return id;
	if (*lookup->member == '-')
		return id;
	type = btf__type_by_id(btf, id);
	member = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, member++)
		if (!strcmp(btf__name_by_offset(btf, member->name_off), lookup->member))
			return id + btf_member_bit_offset(type, i);
	return -ENOENT;
}

static int64_t measure(const char *operation, int n, const char *file, const char *root)
{
	struct lookup lookups[64];
	int64_t start, taken, sum = 0;
	int count = read_lookups(file, lookups, 64);
	struct btf *btf;

	if (count <= 0)
		return -ENOENT;
	start = now();
	btf = btf__parse_raw("/sys/kernel/btf/vmlinux");
	if (!btf)
		return -errno;
	for (int i = 0; i < count; i++) {
		int64_t one = look_up(btf, &lookups[i]);

		if (one < 0)
			return one;
		sum += one;
	}
	taken = now() - start;
	btf__free(btf);
	sprintf(found, "%lld", (long long)sum);
	return taken;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

/* The second number is what of the process is in memory, in pages. */
static int print_rss(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident;

	if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
		return 1;
	printf("%lld\n", (long long)resident * sysconf(_SC_PAGESIZE));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return serve();
	libbpf_set_print(silent);
	if (!strcmp(argv[1], "-"))
		return print_rss();
	if (!strcmp(argv[1], "rss-vmlinux"))
		return btf__parse_raw("/sys/kernel/btf/vmlinux") ? print_rss() : 1;
	if (!strcmp(argv[1], "rss-open"))
		return bpf_object__open(argv[2]) ? print_rss() : 1;
	return measure("", 0, argv[1], "") < 0;
}
