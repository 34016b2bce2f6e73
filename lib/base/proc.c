/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "base/proc.h"

static const struct root *proc_root(const struct root *r)
{
	return r->hooks && r->hooks->proc ? r->hooks->proc : r;
}

/* Reads state (field 3) and start time (field 22); the command in field 2 may hold blanks and parentheses, so count behind its last ')'. */
static int proc_stat(const struct root *r, pid_t pid, char *ret_state, uint64_t *ret_start)
{
	_cleanup_free_ char *stat = NULL;
	char path[PATH_MAX], *p, *save = NULL;
	int k, field = 3;

	k = root_read(proc_root(r), path_f(path, "/proc/%d/stat", (int)pid), 4096, &stat, NULL);
	if (k < 0)
		return k == -ENOENT ? -ESRCH : k;
	p = strrchr(stat, ')');
	if (!p)
		return -EBADMSG;
	for (p = strtok_r(p + 1, " \n", &save); p; p = strtok_r(NULL, " \n", &save), field++) {
		if (field == 3)
			*ret_state = *p;
		if (field == 22)
			return parse_uint(p, UINT64_MAX, ret_start);
	}
	return -EBADMSG;
}

int proc_start(const struct root *r, pid_t pid, uint64_t *ret)
{
	char state;

	return proc_stat(r, pid, &state, ret);
}

int proc_self(const struct root *r, struct proc_id *ret)
{
	struct proc_id id = { .pid = getpid() };
	int k = proc_start(r, id.pid, &id.start);

	if (k == 0)
		*ret = id;
	return k;
}

bool proc_alive(const struct root *r, struct proc_id id)
{
	uint64_t start;
	char state;

	return proc_stat(r, id.pid, &state, &start) == 0 && start == id.start && state != 'Z' && state != 'X';
}

int proc_boot_id(const struct root *r, char ret[static BOOT_ID_LEN])
{
	return root_read_line(r, "/proc/sys/kernel/random/boot_id", ret, BOOT_ID_LEN);
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}
