/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn ROUNDS COMMAND… [-- COMMAND…]: runs the commands in turn, ROUNDS times each, and prints for each a
 * line: the median of its wall time in microseconds, the largest resident set in KiB (of its own or of a
 * child it waited for), and its last exit status. In turn, so that whatever else the machine does meets both.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

struct command {
	char **argv;
	double *us;
	long max_rss; /* KiB: getrusage(2) */
	int status;
};

static void fail(const char *what, int error)
{
	fprintf(stderr, "spawn: %s: %s\n", what, strerror(error));
	exit(2);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double run(struct command *c, const posix_spawn_file_actions_t *quiet)
{
	double start = now_us(), end;
	struct rusage used;
	pid_t pid;
	int status, k;

	k = posix_spawn(&pid, c->argv[0], quiet, NULL, c->argv, environ);
	if (k != 0)
		fail(c->argv[0], k);
	if (wait4(pid, &status, 0, &used) < 0)
		fail("wait4", errno);
	end = now_us();
	if (used.ru_maxrss > c->max_rss)
		c->max_rss = used.ru_maxrss;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return end - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0, n = 0;
	posix_spawn_file_actions_t quiet;
	struct command c[2] = { 0 };

	if (rounds < 1) {
		fprintf(stderr, "usage: spawn ROUNDS COMMAND… [-- COMMAND…]\n");
		return 2;
	}
	c[n++].argv = &argv[2];
	for (int i = 3; i < argc - 1 && n < 2; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		c[n++].argv = &argv[i + 1];
	}
	posix_spawn_file_actions_init(&quiet);
	for (int fd = 0; fd <= 2; fd++)
		posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
	for (int i = 0; i < n; i++) {
		c[i].us = calloc((size_t)rounds, sizeof(double));
		if (!c[i].us)
			fail("calloc", ENOMEM);
		run(&c[i], &quiet); /* once for the page cache */
	}
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++)
			c[i].us[r] = run(&c[i], &quiet);
	for (int i = 0; i < n; i++) {
		qsort(c[i].us, (size_t)rounds, sizeof(double), compare);
		printf("%.0f %ld %d\n", c[i].us[rounds / 2], c[i].max_rss, c[i].status);
		free(c[i].us);
	}
	posix_spawn_file_actions_destroy(&quiet);
	return 0;
}
