// delegated DELEGATE PLACE COMMAND...: runs a command as root of a user namespace of its own, in which a bpffs is mounted at
// PLACE whose options were given from outside: DELEGATE is "any", or "none".
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(70);
}

static void put(pid_t pid, const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int fd = open(path, O_WRONLY);
	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static void tell(int pipe, int value)
{
	must(write(pipe, &value, sizeof(value)), "write");
}

static int hear(int pipe)
{
	int value;

	if (read(pipe, &value, sizeof(value)) != sizeof(value))
		exit(71);
	return value;
}

static void inside(int from, int to, char **argv)
{
	must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	tell(to, 0);
	hear(from);
	int context = syscall(SYS_fsopen, "bpf", 0);
	must(context, "fsopen");
	tell(to, context);
	hear(from);
	int mount = syscall(SYS_fsmount, context, 0, 0);
	must(mount, "fsmount");
	must(syscall(SYS_move_mount, mount, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
	close(mount);
	close(context);
	close(from);
	close(to);
	execvp(argv[3], argv + 3);
	must(-1, argv[3]);
}

int main(int argc, char **argv)
{
	static const char *options[] = { "delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs" };
	int in[2], out[2], status;

	if (argc < 4)
		return 2;
	must(pipe2(in, O_CLOEXEC), "pipe");
	must(pipe2(out, O_CLOEXEC), "pipe");
	pid_t pid = fork();
	must(pid, "fork");
	if (pid == 0)
		inside(in[0], out[1], argv);
	close(out[1]);
	hear(out[0]);
	put(pid, "setgroups", "deny");
	put(pid, "uid_map", "0 0 1");
	put(pid, "gid_map", "0 0 1");
	tell(in[1], 0);
	int theirs = hear(out[0]);
	int process = syscall(SYS_pidfd_open, pid, 0);
	must(process, "pidfd_open");
	int context = syscall(SYS_pidfd_getfd, process, theirs, 0);
	must(context, "pidfd_getfd");
	for (int i = 0; i < 4 && strcmp(argv[1], "none"); i++)
		must(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i], argv[1], 0), options[i]);
	must(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
	tell(in[1], 0);
	must(waitpid(pid, &status, 0), "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 72;
}
