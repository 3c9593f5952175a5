/* The system calls alone, by absolute paths that are there beforehand: nothing can be faster that calls the kernel once a
 * map and operation. */
#include "peer.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static char (*paths)[256];
static int *fds;

static int create(int maps)
{
	for (int i = 0; i < maps; i++) {
		union bpf_attr attr = {
			.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
		};

		snprintf(attr.map_name, sizeof(attr.map_name), "map_%x", i);
		fds[i] = bpf(BPF_MAP_CREATE, &attr);
		if (fds[i] < 0)
			return -errno;
	}
	return 0;
}

static int pin(int maps)
{
	for (int i = 0; i < maps; i++) {
		union bpf_attr attr = { .pathname = (uintptr_t)paths[i], .bpf_fd = fds[i] };

		if (bpf(BPF_OBJ_PIN, &attr))
			return -errno;
	}
	return 0;
}

/* A map is opened, and asked what it is. */
static int get(int maps)
{
	for (int i = 0; i < maps; i++) {
		union bpf_attr attr = { .pathname = (uintptr_t)paths[i] };
		struct bpf_map_info info = {};

		fds[i] = bpf(BPF_OBJ_GET, &attr);
		if (fds[i] < 0)
			return -errno;
		attr = (union bpf_attr){
			.info = { .bpf_fd = fds[i], .info_len = sizeof(info), .info = (uintptr_t)&info }
		};
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
			return -errno;
	}
	return 0;
}

static int unpin(int maps)
{
	for (int i = 0; i < maps; i++)
		if (unlink(paths[i]))
			return -errno;
	return 0;
}

static void close_all(int maps)
{
	for (int i = 0; i < maps; i++)
		close(fds[i]);
}

static int64_t measure(const char *operation, int maps, const char *object, const char *root)
{
	int64_t start, taken = 0;
	char directory[4200];
	int error;

	paths = realloc(paths, maps * sizeof(*paths));
	fds = realloc(fds, maps * sizeof(*fds));
	snprintf(directory, sizeof(directory), "%s/" DIRECTORY, root);
	for (int i = 0; i < maps; i++)
		snprintf(paths[i], sizeof(*paths), "%s/map_%05d", directory, i);

	start = now();
	if (mkdir(directory, 0700))
		return -errno;
	if ((error = create(maps)))
		return error;
	if (!strcmp(operation, "pin"))
		start = now();
	if ((error = pin(maps)))
		return error;
	taken = now() - start;
	count_entries(directory);

	if (!strcmp(operation, "reuse") || !strcmp(operation, "openPinned")) {
		close_all(maps);
		start = now();
		if ((error = get(maps)))
			return error;
		taken = now() - start;
	}

	start = now();
	if ((error = unpin(maps)))
		return error;
	if (rmdir(directory))
		return -errno;
	if (!strcmp(operation, "unpin"))
		taken = now() - start;
	close_all(maps);
	return taken;
}
