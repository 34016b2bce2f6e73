/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/proc.h"

static const struct root *proc_root(const struct root *r)
{
	return r->hooks && r->hooks->proc ? r->hooks->proc : r;
}

/* What we want of /proc/PID/stat, proc(5). */
struct stat_fields {
	char state;	/* field 3 */
	uint64_t ppid;	/* field 4 */
	uint64_t start; /* field 22 */
};

/* The command in field 2 may hold blanks and parentheses, so count behind its last ')'. */
static int proc_stat(const struct root *r, pid_t pid, struct stat_fields *ret)
{
	_cleanup_free_ char *stat = NULL;
	char path[PATH_MAX], *p, *save = NULL;
	struct stat_fields f = { 0 };
	int k, field = 3;

	k = root_read(proc_root(r), path_f(path, "/proc/%d/stat", (int)pid), 4096, &stat, NULL);
	if (k < 0)
		return k == -ENOENT ? -ESRCH : k;
	p = strrchr(stat, ')');
	if (!p)
		return -EBADMSG;
	for (p = strtok_r(p + 1, " \n", &save); p && k == 0 && field <= 22; p = strtok_r(NULL, " \n", &save), field++) {
		if (field == 3)
			f.state = *p;
		else if (field == 4)
			k = parse_uint(p, INT32_MAX, &f.ppid);
		else if (field == 22)
			k = parse_uint(p, UINT64_MAX, &f.start);
	}
	if (k < 0 || field <= 22)
		return -EBADMSG;
	*ret = f;
	return 0;
}

int proc_start(const struct root *r, pid_t pid, uint64_t *ret)
{
	struct stat_fields f;
	int k = proc_stat(r, pid, &f);

	if (k == 0)
		*ret = f.start;
	return k;
}

int proc_parent(const struct root *r, pid_t pid, pid_t *ret)
{
	struct stat_fields f;
	int k = proc_stat(r, pid, &f);

	if (k == 0)
		*ret = (pid_t)f.ppid;
	return k;
}

int proc_self(const struct root *r, struct proc_id *ret)
{
	struct proc_id id = { .pid = getpid() };
	int k = proc_start(r, id.pid, &id.start);

	if (k == 0)
		*ret = id;
	return k;
}

int proc_program(const struct root *r, struct stat *ret)
{
	_cleanup_close_ int self = -1;

	/* exe is a link into the kernel, which no resolution below a root follows (openat2(2)): from here it is one step */
	if (!root_is_real(proc_root(r)))
		return -EXDEV;
	self = root_open(proc_root(r), "/proc/self", O_PATH | O_DIRECTORY, 0);
	if (self < 0)
		return self;
	return fstatat(self, "exe", ret, 0) < 0 ? -errno : 0;
}

bool proc_alive(const struct root *r, struct proc_id id)
{
	struct stat_fields f;

	return proc_stat(r, id.pid, &f) == 0 && f.start == id.start && f.state != 'Z' && f.state != 'X';
}

int proc_boot_id(const struct root *r, char ret[static BOOT_ID_LEN])
{
	return root_read_line(r, "/proc/sys/kernel/random/boot_id", ret, BOOT_ID_LEN);
}

int proc_boot_time(const struct root *r, time_t *ret)
{
	_cleanup_free_ char *text = NULL;
	char *p, *line;
	int k = root_read(r, "/proc/stat", 1024 * 1024, &text, NULL);

	if (k < 0)
		return k;
	for (p = text; (line = str_line(&p));) {
		uint64_t n;

		if (str_starts(line, "btime ") && parse_uint(line + strlen("btime "), INT64_MAX, &n) == 0) {
			*ret = (time_t)n;
			return 0;
		}
	}
	return -ENODATA;
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
