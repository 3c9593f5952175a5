/* The same work by libbpf. */
#include "peer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define LONGEST_PROBE 16

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static char directory[4200];

static int replaces;
long __real_syscall(long number, ...);

/* The kernel verifies two instructions in place of every program, so that its verifier is not what is measured; what
 * libbpf loads to find out about the kernel is shorter, and stays as it is. */
long __wrap_syscall(long number, ...)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (replaces && number == __NR_bpf && (int)arguments[0] == BPF_PROG_LOAD) {
		union bpf_attr *attr = (union bpf_attr *)arguments[1];

		if (attr->insn_cnt > LONGEST_PROBE) {
			attr->insns = (uintptr_t)nothing;
			attr->insn_cnt = 2;
			attr->func_info_cnt = attr->line_info_cnt = 0;
		}
	}
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
			      arguments[5]);
}

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

static void count_loaded(struct bpf_object *object)
{
	struct bpf_program *program;
	int programs = 0;

	bpf_object__for_each_program(program, object)
		programs += bpf_program__fd(program) >= 0;
	sprintf(found, "%d", programs);
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
	struct bpf_map *map;
	int64_t start, taken;
	int count = 0;

	if (!strcmp(operation, "ready"))
		return 0;
	libbpf_set_print(silent);
	snprintf(directory, sizeof(directory), "%s/" DIRECTORY, root);
	errno = 0;

	start = now();
	object = bpf_object__open(path);
	taken = now() - start;
	if (!object)
		return -errno;
	bpf_object__for_each_map(map, object)
		count++;
	if (!strcmp(operation, "open")) {
		sprintf(found, "%d", count);
		goto done;
	}
	if (!strcmp(operation, "core-load")) {
		replaces = 1;
		if (bpf_object__load(object))
			return failed(object);
		taken = now() - start;
		replaces = 0;
		count_loaded(object);
		goto done;
	}

	start = now();
	if (bpf_object__load(object))
		return failed(object);
	if (!strcmp(operation, "pin"))
		start = now();
	if (bpf_object__pin_maps(object, directory))
		return failed(object);
	taken = now() - start;
	count_entries(directory);

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
