// core OBJECT BTF: what libbpf makes of each program's instructions by the types in a file. For each program, alone, a line
// with its name and its instructions in hexadecimal, or with `refused` and an error. Then, behind a line `together`, the
// same of all that were not refused, loaded at once.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return getenv("CORE_LOG") ? vfprintf(stderr, format, args) : 0;
}

/* Called when all relocations are done. What is loaded then is as long, and passes any verifier. */
static int show(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	size_t count = bpf_program__insn_cnt(program);
	struct bpf_insn harmless[count];
	const unsigned char *bytes = (const unsigned char *)bpf_program__insns(program);
	size_t i;

	printf("%s ", bpf_program__name(program));
	for (i = 0; i < 8 * count; i++)
		printf("%02x", bytes[i]);
	printf("\n");
	for (i = 0; i < count; i++)
		harmless[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	harmless[count - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	return bpf_program__set_insns(program, harmless, count);
}

static struct bpf_object *open_object(const char *path, const char *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf);

	return bpf_object__open_file(path, &options);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = show);
	struct bpf_object *names, *object, *together;
	struct bpf_program *named, *program;
	int error;

	libbpf_set_print(silent);
	if (argc != 3 || libbpf_register_prog_handler("raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &handler) < 0)
		return 2;
	names = open_object(argv[1], argv[2]);
	together = open_object(argv[1], argv[2]);
	if (!names || !together)
		return 1;
	bpf_object__for_each_program(named, names) {
		object = open_object(argv[1], argv[2]);
		if (!object)
			return 1;
		bpf_object__for_each_program(program, object) {
			int chosen = strcmp(bpf_program__name(program), bpf_program__name(named)) == 0;

			bpf_program__set_autoload(program, chosen);
		}
		error = bpf_object__load(object);
		if (error) {
			printf("%s refused %s\n", bpf_program__name(named), strerror(-error));
			program = bpf_object__find_program_by_name(together, bpf_program__name(named));
			bpf_program__set_autoload(program, 0);
		}
		bpf_object__close(object);
	}
	printf("together\n");
	error = bpf_object__load(together);
	if (error)
		printf("all refused %s\n", strerror(-error));
	bpf_object__close(together);
	bpf_object__close(names);
	return 0;
}
