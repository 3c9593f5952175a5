/* What the peers have in common: they are asked for one measurement a line, `OPERATION N FILE ROOT`, and answer with
 * nanoseconds and what they found, or with `error: ...`. */
#include <dirent.h>
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

/* What the work came to, so that all can be seen to have done the same; empty where that would say nothing. */
static char found[256];

/* What a measurement takes: nanoseconds, or a negative errno. */
static int64_t measure(const char *operation, int n, const char *file, const char *root);

static inline void count_entries(const char *path)
{
	DIR *directory = opendir(path);
	int entries = 0;

	while (directory && readdir(directory))
		entries++;
	if (directory)
		closedir(directory);
	/* less . and .. */
	sprintf(found, "%d", entries - 2);
}

int main(void)
{
	struct rlimit files = { 1 << 20, 1 << 20 };
	char operation[64], file[4096], root[4096];
	int n;

	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf("%63s %d %4095s %4095s", operation, &n, file, root) == 4) {
		int64_t taken;

		*found = 0;
		taken = measure(operation, n, file, root);
		if (taken < 0)
			printf("error: %s: %s\n", operation, strerror((int)-taken));
		else
			printf(*found ? "%lld %s\n" : "%lld\n", (long long)taken, found);
	}
	return 0;
}
