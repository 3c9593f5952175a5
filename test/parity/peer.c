// What libbpf makes of objects, and what the kernel holds then, as JSON lines.
//
//   peer load DIR OBJECT...   each object: does it open, does it load; which programs are refused; its maps, and programs
//                             without those. DIR, on bpffs, is where maps that are pinned by name go.
//   peer all DIR OBJECT...    the same, with programs that the object itself leaves out, SEC("?..."), and with some entries
//                             for maps that have none
//   peer show m12 p34 ...     the map with the id 12, the program with the id 34, whoever has loaded them
//   peer version
//
// Only what libbpf 1.1 has already is called.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define MOST_PROGRAMS 256

/* The end of what libbpf printed about the object in hand, at its last try and at its first. */
static char said[1 << 16];
static char first_said[1 << 16];
static size_t said_length;

/* With all programs and maps, also what is left to who loads the object. */
static int with_all;

static void take_all(struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, 1);
	bpf_object__for_each_map(map, object)
		if (bpf_map__max_entries(map) == 0 && bpf_map__type(map) <= BPF_MAP_TYPE_PERCPU_ARRAY &&
		    bpf_map__type(map) != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			bpf_map__set_max_entries(map, 64);
}

static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1 << 14];
	size_t length;

	if (getenv("PEER_LOG"))
		vfprintf(stderr, format, args);
	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	length = strlen(text);
	if (said_length + length >= sizeof(said))
		said_length = 0;
	memcpy(said + said_length, text, length + 1);
	said_length += length;
	return 0;
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c > '~')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_hex(const void *bytes, size_t size)
{
	const unsigned char *each = bytes;

	putchar('"');
	while (size--)
		printf("%02x", *each++);
	putchar('"');
}

/* Contents that a loader gives: the one value of a data section, and the ids in the slots of a map of maps or programs. */
static void print_contents(int fd, const struct bpf_map_info *info)
{
	int is_array = info->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || info->type == BPF_MAP_TYPE_PROG_ARRAY;
	int is_section = info->type == BPF_MAP_TYPE_ARRAY && info->max_entries == 1 && strchr(info->name, '.');
	__u32 key = 0, next, id, zero = 0;
	char *value;

	if (is_section) {
		value = calloc(1, (info->value_size + 7) / 8 * 8);
		if (value && bpf_map_lookup_elem(fd, &zero, value) == 0) {
			printf(",\"value\":");
			print_hex(value, info->value_size);
		}
		free(value);
	}
	if (!is_array && info->type != BPF_MAP_TYPE_HASH_OF_MAPS)
		return;
	if (info->key_size != sizeof(key))
		return;
	printf(",\"slots\":[");
	for (int first = 1; bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0; first = 0) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &id))
			id = 0;
		printf("%s[%u,%u]", first ? "" : ",", key, id);
	}
	printf("]");
}

static void print_map(int fd, const char *name)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
		printf("{\"error\":%d}", errno);
		return;
	}
	printf("{\"id\":%u,\"name\":", info.id);
	print_text(name ?: info.name);
	printf(",\"kernelName\":");
	print_text(info.name);
	printf(",\"type\":%u,\"keySize\":%u,\"valueSize\":%u,\"maxEntries\":%u,\"flags\":%u", info.type, info.key_size,
	       info.value_size, info.max_entries, info.map_flags);
	printf(",\"extra\":\"%llx\",\"ifindex\":%u,\"hasBtf\":%d,\"keyType\":%u,\"valueType\":%u,\"kernelType\":%u",
	       (unsigned long long)info.map_extra, info.ifindex, info.btf_id != 0, info.btf_key_type_id,
	       info.btf_value_type_id, info.btf_vmlinux_value_type_id);
	print_contents(fd, &info);
	printf("}");
}

static void print_program(int fd, const char *name)
{
	struct bpf_prog_info info = {}, counts;
	__u32 size = sizeof(info), maps[64] = {};
	char *code = NULL;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		goto failed;
	counts = info;
	code = calloc(1, counts.xlated_prog_len + 1);
	memset(&info, 0, sizeof(info));
	info.xlated_prog_len = counts.xlated_prog_len;
	info.xlated_prog_insns = (unsigned long)code;
	info.nr_map_ids = counts.nr_map_ids > 64 ? 64 : counts.nr_map_ids;
	info.map_ids = (unsigned long)maps;
	size = sizeof(info);
	if (!code || bpf_obj_get_info_by_fd(fd, &info, &size))
		goto failed;
	printf("{\"id\":%u,\"name\":", info.id);
	print_text(name ?: info.name);
	printf(",\"kernelName\":");
	print_text(info.name);
	printf(",\"type\":%u,\"gpl\":%u,\"ifindex\":%u,\"attachTo\":%u,\"hasBtf\":%d,\"functions\":%u,\"lines\":%u,\"tag\":",
	       info.type, info.gpl_compatible, info.ifindex, counts.attach_btf_id, counts.btf_id != 0,
	       counts.nr_func_info, counts.nr_line_info);
	print_hex(info.tag, sizeof(info.tag));
	printf(",\"maps\":[");
	for (__u32 i = 0; i < info.nr_map_ids && i < 64; i++)
		printf("%s%u", i ? "," : "", maps[i]);
	printf("],\"xlated\":");
	print_hex(code, info.xlated_prog_len);
	printf("}");
	free(code);
	return;
failed:
	printf("{\"error\":%d}", errno);
	free(code);
}

static void print_loaded(const struct bpf_object *object)
{
	struct bpf_program *program;
	const char *comma = "";
	struct bpf_map *map;

	printf(",\"maps\":[");
	bpf_object__for_each_map(map, object) {
		/* the others have a descriptor of something else */
		if (!bpf_map__autocreate(map) || bpf_map__fd(map) < 0)
			continue;
		printf("%s", comma);
		print_map(bpf_map__fd(map), bpf_map__name(map));
		comma = ",";
	}
	printf("],\"programs\":[");
	comma = "";
	bpf_object__for_each_program(program, object) {
		if (bpf_program__fd(program) < 0)
			continue;
		printf("%s", comma);
		print_program(bpf_program__fd(program), bpf_program__name(program));
		comma = ",";
	}
	printf("]");
}

/* Microseconds that it took to open the object in hand for the last time. */
static double opened_in;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static struct bpf_object *open_object(const char *path, const char *dir)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = dir);
	double start = now();
	struct bpf_object *object;

	said_length = 0;
	said[0] = 0;
	errno = 0;
	object = bpf_object__open_file(path, &options);
	opened_in = now() - start;
	return object;
}

/* Of the program that libbpf gave up at, from its messages; there is no other way to know. */
static int refused_program(char *name, size_t size)
{
	static const char after[] = "': failed to load: ";
	const char *line = said, *end, *start;

	name[0] = 0;
	for (; (end = strstr(line, after)); line = end + 1) {
		for (start = end; start > said && start[-1] != '\''; start--)
			;
		if ((size_t)(end - start) < size)
			snprintf(name, size, "%.*s", (int)(end - start), start);
	}
	return name[0] != 0;
}

static int is_new(char (*names)[128], int last)
{
	for (int i = 0; i < last; i++)
		if (strcmp(names[i], names[last]) == 0)
			return 0;
	return 1;
}

/* Opens it without those programs. Whatever was printed about them before is forgotten. */
static struct bpf_object *open_without(const char *path, const char *dir, char (*left_out)[128], int count)
{
	struct bpf_object *object = open_object(path, dir);
	struct bpf_program *program;

	if (object && with_all)
		take_all(object);
	for (int i = 0; object && i < count; i++) {
		program = bpf_object__find_program_by_name(object, left_out[i]);
		if (program)
			bpf_program__set_autoload(program, 0);
	}
	return object;
}

static void print_object(const char *path, const char *dir)
{
	static char left_out[MOST_PROGRAMS][128];
	struct bpf_object *object;
	int count = 0, first = 0, error;

	printf("{\"object\":");
	print_text(path);
	for (;;) {
		object = open_without(path, dir, left_out, count);
		if (!object) {
			printf(",\"open\":%d,\"load\":0", errno);
			break;
		}
		error = bpf_object__load(object);
		if (!count) {
			first = -error;
			memcpy(first_said, said, sizeof(said));
		}
		if (error && count < MOST_PROGRAMS && refused_program(left_out[count], sizeof(*left_out)) &&
		    is_new(left_out, count)) {
			bpf_object__close(object);
			count++;
			continue;
		}
		printf(",\"open\":0,\"load\":%d", first);
		if (!error)
			print_loaded(object);
		bpf_object__unpin_maps(object, NULL);
		bpf_object__close(object);
		break;
	}
	printf(",\"refused\":[");
	for (int i = 0; i < count; i++) {
		printf(i ? "," : "");
		print_text(left_out[i]);
	}
	printf("],\"openedIn\":%.0f,\"said\":", opened_in);
	print_text(first_said[0] ? first_said : said);
	printf("}\n");
	fflush(stdout);
	first_said[0] = 0;
}

static void show(const char *what)
{
	int is_map = what[0] == 'm', fd;
	__u32 id = atoi(what + 1);

	fd = is_map ? bpf_map_get_fd_by_id(id) : bpf_prog_get_fd_by_id(id);
	is_map ? print_map(fd, NULL) : print_program(fd, NULL);
	printf("\n");
	close(fd);
}

int main(int argc, char **argv)
{
	libbpf_set_print(keep);
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "version") == 0)
		printf("\"%s\"\n", libbpf_version_string());
	if (strcmp(argv[1], "show") == 0)
		for (int i = 2; i < argc; i++)
			show(argv[i]);
	with_all = strcmp(argv[1], "all") == 0;
	if (with_all || strcmp(argv[1], "load") == 0)
		for (int i = 3; i < argc; i++)
			print_object(argv[i], argv[2]);
	return 0;
}
