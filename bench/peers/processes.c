/* Times a whole process from outside, from before it is started to its end: `- 0 COMMAND -`, the words of the command
 * separated by commas. */
#define _GNU_SOURCE
#include "peer.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static int64_t measure(const char *operation, int n, const char *file, const char *root)
{
	char *words[64], *text = strdup(file);
	posix_spawn_file_actions_t actions;
	int64_t start, taken;
	int count = 0, status, error;
	pid_t pid;

	for (char *word = strtok(text, ","); word && count < 63; word = strtok(NULL, ","))
		words[count++] = word;
	words[count] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	start = now();
	error = posix_spawn(&pid, words[0], &actions, NULL, words, environ);
	if (!error && waitpid(pid, &status, 0) < 0)
		error = errno;
	taken = now() - start;
	posix_spawn_file_actions_destroy(&actions);
	free(text);
	if (error)
		return -error;
	return status ? -ECHILD : taken;
}
