/* The same work by libbpf. */
#include "peer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static char directory[4200];

/* The maps of the object are to be found again where they are pinned. */
static int expect_pins(struct bpf_object *object)
{
	struct bpf_map *map;
	char path[4400];

	bpf_object__for_each_map(map, object) {
		snprintf(path, sizeof(path), "%s/%s", directory, bpf_map__name(map));
		if (bpf_map__set_pin_path(map, path))
			return -errno;
	}
	return 0;
}

static int64_t failed(struct bpf_object *object)
{
	int64_t error = errno ? -errno : -EINVAL;

	bpf_object__close(object);
	return error;
}

static int64_t measure(const char *operation, int maps, const char *path, const char *root)
{
	struct bpf_object *object;
	int64_t start, taken;

	libbpf_set_print(silent);
	snprintf(directory, sizeof(directory), "%s/" DIRECTORY, root);
	errno = 0;

	start = now();
	object = bpf_object__open(path);
	taken = now() - start;
	if (!object)
		return -errno;
	if (!strcmp(operation, "open"))
		goto done;

	start = now();
	if (bpf_object__load(object))
		return failed(object);
	if (!strcmp(operation, "pin"))
		start = now();
	if (bpf_object__pin_maps(object, directory))
		return failed(object);
	taken = now() - start;

	if (!strcmp(operation, "reuse")) {
		bpf_object__close(object);
		object = bpf_object__open(path);
		if (!object || expect_pins(object))
			return failed(object);
		start = now();
		if (bpf_object__load(object))
			return failed(object);
		taken = now() - start;
	}

	start = now();
	if (bpf_object__unpin_maps(object, directory))
		return failed(object);
	if (rmdir(directory))
		return failed(object);
	if (!strcmp(operation, "unpin"))
		taken = now() - start;
done:
	bpf_object__close(object);
	return taken;
}
