/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crowd COUNT COMMAND…: runs the command among so many processes that sleep, with ten descriptors each. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0, born = 0, status = 2;
	pid_t parent = getpid(), child;

	if (count < 1) {
		fprintf(stderr, "usage: crowd COUNT COMMAND…\n");
		return 2;
	}
	for (int fd = 3; fd < 10; fd++)
		dup2(0, fd);
	for (; born < count; born++) {
		child = fork();
		if (child < 0)
			break;
		if (child > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	if (born < count)
		fprintf(stderr, "crowd: no more than %d processes are to be had here\n", born);
	child = fork();
	if (child == 0) {
		close_range(3, ~0U, 0);
		execv(argv[2], &argv[2]);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	/* the sleepers end with this process */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
