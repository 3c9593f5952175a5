// kconfig OBJECT < LINES: what libbpf makes of configurations. For each line, in which `\n` stands for a new line, it opens the
// object with that configuration, loads it, and prints the contents of .kconfig in hexadecimal, or `refused`.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return getenv("KCONFIG_LOG") ? vfprintf(stderr, format, args) : 0;
}

static void show(struct bpf_map *map)
{
	unsigned char value[bpf_map__value_size(map)];
	unsigned int key = 0;
	size_t i;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, value))
		exit(1);
	for (i = 0; i < sizeof(value); i++)
		printf("%02x", value[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	char line[8192];

	libbpf_set_print(silent);
	while (argc == 2 && fgets(line, sizeof(line), stdin)) {
		LIBBPF_OPTS(bpf_object_open_opts, options, .kconfig = line);
		struct bpf_object *object;
		struct bpf_map *map;
		char *mark;

		line[strcspn(line, "\n")] = 0;
		while ((mark = strstr(line, "\\n"))) {
			*mark = '\n';
			memmove(mark + 1, mark + 2, strlen(mark + 2) + 1);
		}
		object = bpf_object__open_file(argv[1], &options);
		if (!object)
			return 1;
		if (bpf_object__load(object))
			printf("refused\n");
		else
			bpf_object__for_each_map(map, object)
				if (strstr(bpf_map__name(map), ".kconfig"))
					show(map);
		bpf_object__close(object);
	}
	return 0;
}
