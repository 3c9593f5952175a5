// usdt OBJECT BINARY PROVIDER COOKIE NAME...: attaches `on_probe` of the object to each of the probes, and prints what
// libbpf then tells programs of its places, in hexadecimal, or `refused` and the error. Then it waits for the end of its
// input and prints what the program saw.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return getenv("USDT_LOG") ? vfprintf(stderr, format, args) : 0;
}

static void print(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

/* The slots that were filled since the last time: with a cookie none of them is zero. */
static void print_slots(int map, int *next, size_t size)
{
	static const unsigned char free_slot[512];
	unsigned char value[512];
	for (;; ++*next) {
		if (bpf_map_lookup_elem(map, next, value) || !memcmp(value, free_slot, size))
			return;
		printf(" ");
		print(value, size);
	}
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_usdt_opts, options, .usdt_cookie = strtoull(argv[4], NULL, 0));
	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	int next = 0;

	libbpf_set_print(silent);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), "on_probe"));
	if (bpf_object__load(object))
		return 1;
	program = bpf_object__find_program_by_name(object, "on_probe");
	map = bpf_object__find_map_by_name(object, "__bpf_usdt_specs");
	for (int i = 5; i < argc; i++) {
		struct bpf_link *link = bpf_program__attach_usdt(program, -1, argv[2], argv[3], argv[i], &options);
		printf("%s%s\n", argv[i], link ? "" : " refused");
		print_slots(bpf_map__fd(map), &next, bpf_map__value_size(map));
	}
	printf("attached\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	bpf_object__for_each_map(map, object) {
		if (!strstr(bpf_map__name(map), ".bss"))
			continue;
		unsigned char *bytes = malloc(bpf_map__value_size(map));
		if (bpf_map_lookup_elem(bpf_map__fd(map), &(int){ 0 }, bytes))
			return 1;
		print(bytes, bpf_map__value_size(map));
	}
	return 0;
}
