// A program on libbpf that shares a pinned map: loads an object under a pin root, says what it got, writes one entry.
// usage: reuse OBJECT ROOT KEY CALLS [MAX_ENTRIES]
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
	__u64 calls;
	__u32 flags;
	char comm[12];
};

static int refuse(const char *what, int error)
{
	printf("{\"failed\":\"%s\",\"errno\":%d}\n", what, -error);
	return 1;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = argv[2]);
	struct bpf_object *object;
	struct bpf_map_info info = {};
	struct bpf_map *map;
	struct tally tally = { .flags = 5, .comm = "libbpf" };
	__u32 key, length = sizeof(info);
	int error;

	if (argc < 5)
		return 2;
	libbpf_set_print(NULL);
	object = bpf_object__open_file(argv[1], &options);
	if (!object)
		return refuse("open", -errno);
	map = bpf_object__find_map_by_name(object, "tallies");
	if (argc > 5)
		bpf_map__set_max_entries(map, atoi(argv[5]));
	error = bpf_object__load(object);
	if (error)
		return refuse("load", error);
	error = bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &length);
	if (error)
		return refuse("info", error);
	key = atoi(argv[3]);
	tally.calls = atoi(argv[4]);
	error = bpf_map_update_elem(bpf_map__fd(map), &key, &tally, BPF_NOEXIST);
	if (error)
		return refuse("update", error);
	printf("{\"id\":%u,\"path\":\"%s\",\"pinned\":%s}\n", info.id, bpf_map__pin_path(map),
	       bpf_map__is_pinned(map) ? "true" : "false");
	return 0;
}
