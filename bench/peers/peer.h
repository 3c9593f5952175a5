/* What the peers have in common: they are asked for one measurement a line, `OPERATION MAPS OBJECT ROOT`, and answer with
 * nanoseconds, or with `error: ...`. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The directory below the root that a peer pins in. */
#define DIRECTORY "peer"

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* What a measurement takes: nanoseconds, or a negative errno. */
static int64_t measure(const char *operation, int maps, const char *object, const char *root);

int main(void)
{
	struct rlimit files = { 1 << 20, 1 << 20 };
	char operation[64], object[4096], root[4096];
	int maps;

	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf("%63s %d %4095s %4095s", operation, &maps, object, root) == 4) {
		int64_t taken = measure(operation, maps, object, root);

		if (taken < 0)
			printf("error: %s: %s\n", operation, strerror((int)-taken));
		else
			printf("%lld\n", (long long)taken);
	}
	return 0;
}
