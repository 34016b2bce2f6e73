/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting calls, and what befalls the Nth. The functions at the end stand before the C library's for the whole test
 * program: a call on a file of the machine's tree is a point at which the program can be killed, or its disk be full.
 */
#undef _FORTIFY_SOURCE /* whose openat() would stand before the one below */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "tests/fake/fake.h"

static struct fake *armed; /* the fake whose storage calls count, in this process and its children */

void fake_arm(struct fake *f, unsigned int kinds, enum fake_fault fault, unsigned int at, int error)
{
	struct fake_shared *s = f->shared;

	s->count = 0;
	s->fault = fault;
	s->at = at;
	s->error = error;
	s->released = fault != FAKE_HANG;
	s->touched_stuck = 0;
	s->kinds = kinds;
	s->victim = getpid();
	armed = f;
}

void fake_disarm(struct fake *f)
{
	f->shared->kinds = 0;
	if (armed == f)
		armed = NULL;
}

unsigned int fake_count(const struct fake *f)
{
	return f->shared->count;
}

void fake_release(struct fake *f)
{
	struct proc_id hanger = { .pid = f->shared->hanger };
	bool known = f->shared->hanging && proc_start(&f->proc, hanger.pid, &hanger.start) == 0;

	f->shared->released = true;
	for (int i = 0; f->shared->hanging || (known && proc_alive(&f->proc, hanger)); i++) {
		if (i == 5000)
			fake_die("a hanging call does not end");
		sleep_ms(1);
	}
}

int fake_run(struct fake *f, int (*fn)(struct fake *f, void *ctx), void *ctx)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fake_die("fork: %s", strerror(errno));
	if (pid == 0) {
		f->shared->victim = getpid();
		_exit(fn(f, ctx));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fake_die("waitpid: %s", strerror(errno));
	return status;
}

/* The call is made by the process under test or by a child of it: both end here, at this very point. */
static void die_here(struct fake *f)
{
	kill(f->shared->victim, SIGKILL);
	_exit(0);
}

/* While a function's lock is held a read of its driver_override would wait as well: it becomes unreadable instead. */
static void lock_function(struct fake *f, const struct bdf *b, bool lock)
{
	char name[BDF_LEN], path[PATH_MAX], away[PATH_MAX], full[PATH_MAX];

	path_f(path, "/sys/bus/pci/devices/%s/driver_override", bdf_format(*b, name));
	fake_path(f, full, path);
	fake_hidden_path(f, away, "locked-override-%s", name);
	if (lock) {
		if (rename(full, away) == 0)
			mkdir(full, 0700);
	} else if (access(away, F_OK) == 0) {
		rmdir(full);
		rename(away, full);
	}
}

/* A test that has ended and is not yet waited for is a zombie: whoever waits for its output waits for us as well. */
static bool owner_lives(const struct fake *f)
{
	char path[64], state = 'X';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)f->owner);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(stat);
	return state != 'Z' && state != 'X';
}

static void hang(struct fake *f, const struct bdf *about)
{
	struct fake_shared *s = f->shared;

	if (about) {
		s->stuck = *about;
		s->has_stuck = true;
		lock_function(f, about, true);
	}
	s->hanger = getpid();
	__atomic_add_fetch(&s->hanging, 1, __ATOMIC_SEQ_CST);
	while (!s->released) {
		if (!owner_lives(f))
			_exit(0);
		sleep_ms(1);
	}
	if (about)
		lock_function(f, about, false);
	s->has_stuck = false;
}

bool fake_before(struct fake *f, unsigned int kind, const struct bdf *about, unsigned int *ret_n, int *ret)
{
	struct fake_shared *s = f->shared;
	bool hit;

	*ret_n = 0;
	if (about && s->has_stuck && bdf_eq(*about, s->stuck))
		__atomic_add_fetch(&s->touched_stuck, 1, __ATOMIC_SEQ_CST);
	if (!(s->kinds & kind))
		return true;
	*ret_n = __atomic_add_fetch(&s->count, 1, __ATOMIC_SEQ_CST);
	hit = *ret_n == s->at || (s->fault == FAKE_ERROR_FROM && *ret_n >= s->at) || s->fault == FAKE_CALL_EACH;
	if (!hit)
		return true;
	switch (s->fault) {
	case FAKE_ERROR_BEFORE:
	case FAKE_ERROR_FROM:
	case FAKE_SHORT:
		*ret = -s->error;
		return false;
	case FAKE_KILL_BEFORE:
		die_here(f);
		return false;
	case FAKE_HANG:
		hang(f, about);
		return true;
	case FAKE_CALL:
	case FAKE_CALL_EACH:
		f->at(f, f->at_ctx);
		return true;
	default:
		return true;
	}
}

int fake_after(struct fake *f, unsigned int n, int r)
{
	struct fake_shared *s = f->shared;

	if (n == 0 || n != s->at)
		return r;
	if (s->fault == FAKE_KILL_AFTER)
		die_here(f);
	if (s->fault == FAKE_HANG)
		__atomic_sub_fetch(&s->hanging, 1, __ATOMIC_SEQ_CST);
	return s->fault == FAKE_ERROR_AFTER ? -s->error : r;
}

/* The path of a file of the machine, as the machine has it; NULL if fd is none. */
static const char *path_of(int fd, char path[static PATH_MAX])
{
	char link[64];
	size_t len;
	ssize_t n;

	if (!armed || !(armed->shared->kinds & FAKE_STORAGE))
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	len = strlen(armed->dir);
	if (strncmp(path, armed->dir, len) != 0 || path[len] != '/')
		return NULL;
	return str_starts(path + len, "/root") ? path + len + strlen("/root") : path + len;
}

static struct fake *owner_of(int fd)
{
	char path[PATH_MAX];

	return path_of(fd, path) ? armed : NULL;
}

/* Is that on /run, which is read-only from call n on? /run/lock is a filesystem of its own. */
static bool is_read_only(const char *path, unsigned int n)
{
	if (!armed || armed->shared->fault != FAKE_READ_ONLY || n < armed->shared->at)
		return false;
	return str_eq(path, "/run") || (str_starts(path, "/run/") && !str_starts(path, "/run/lock"));
}

/* The same of an open file or directory. */
static bool refuses_writes(int fd, unsigned int n)
{
	char path[PATH_MAX];
	const char *of = path_of(fd, path);

	return of && is_read_only(of, n);
}

/* What is open for reading alone has its own answer to a write. */
static bool is_open_for_writing(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static long finish(struct fake *f, unsigned int n, long r)
{
	int k = fake_after(f, n, r < 0 ? -errno : 0);

	if (k == 0)
		return r;
	errno = -k;
	return -1;
}

/* For calls that are not counted: what comes next is hit. */
static unsigned int next_call(void)
{
	return armed ? armed->shared->count + 1 : 0;
}

#define STAND_IN(dirfd, refused, call)                                                                       \
	struct fake *f = owner_of(dirfd);                                                                    \
	unsigned int n;                                                                                      \
	int k;                                                                                               \
	if (!f)                                                                                              \
		return call;                                                                                 \
	if (!fake_before(f, FAKE_STORAGE, NULL, &n, &k)) {                                                   \
		errno = -k;                                                                                  \
		return -1;                                                                                   \
	}                                                                                                    \
	if (refused) {                                                                                       \
		errno = EROFS;                                                                               \
		return -1;                                                                                   \
	}                                                                                                    \
	return (int)finish(f, n, call)

/* A full disk refuses nothing that makes room. */
static bool gives_room(void)
{
	return armed && armed->shared->fault == FAKE_ERROR_FROM && armed->shared->error == ENOSPC;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	struct fake *f = owner_of(fd);
	unsigned int n;
	int k;

	if (!f)
		return syscall(SYS_write, fd, buf, len);
	if (!fake_before(f, FAKE_STORAGE, NULL, &n, &k)) {
		if (f->shared->fault == FAKE_SHORT && len > 1)
			return syscall(SYS_write, fd, buf, len / 2);
		errno = -k;
		return -1;
	}
	if (refuses_writes(fd, n) && is_open_for_writing(fd)) {
		errno = EROFS;
		return -1;
	}
	return finish(f, n, syscall(SYS_write, fd, buf, len));
}

int fdatasync(int fd)
{
	STAND_IN(fd, false, (int)syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
	STAND_IN(fd, false, (int)syscall(SYS_fsync, fd));
}

int ftruncate(int fd, off_t len)
{
	if (gives_room())
		return (int)syscall(SYS_ftruncate, fd, len);
	STAND_IN(fd, refuses_writes(fd, n) && is_open_for_writing(fd), (int)syscall(SYS_ftruncate, fd, len));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	STAND_IN(to_dir, refuses_writes(to_dir, n), (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

int unlinkat(int dir, const char *name, int flags)
{
	if (gives_room())
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	STAND_IN(dir, refuses_writes(dir, n), (int)syscall(SYS_unlinkat, dir, name, flags));
}

/* Whether something is there is asked first, as the kernel does it. */
int mkdirat(int dir, const char *name, mode_t mode)
{
	struct stat st;

	if (refuses_writes(dir, next_call())) {
		errno = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST : EROFS;
		return -1;
	}
	return (int)syscall(SYS_mkdirat, dir, name, mode);
}

/* Would an open that is not for reading alone fail for that reason? */
static bool refuses_open(int dir, const char *name, int flags)
{
	char path[PATH_MAX], full[PATH_MAX];
	const char *of = path_of(dir, path);
	struct stat st;
	bool there;

	if (!of || !is_read_only(of[0] ? of : name, next_call()) || (flags & O_PATH))
		return false;
	there = of[0] ? fstatat(dir, name, &st, 0) == 0 : stat(fake_path(armed, full, name), &st) == 0;
	return there ? (flags & O_ACCMODE) != O_RDONLY : flags & O_CREAT;
}

int openat(int dir, const char *name, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (refuses_open(dir, name, flags)) {
		errno = EROFS;
		return -1;
	}
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

/* There is no openat2() in the C library. */
long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_openat2 && refuses_open((int)a[0], (const char *)a[1], (int)((const struct open_how *)a[2])->flags)) {
		errno = EROFS;
		return -1;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void fake_tally(const char *kind, unsigned int n, const char *fmt, ...)
{
	const char *dir = getenv("TEST_COUNTS");
	char what[160], path[PATH_MAX];
	va_list ap;
	FILE *out;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	printf("# %s: %u\n", what, n);
	if (!dir || !(out = fopen(path_f(path, "%s/unit.%d", dir, (int)getpid()), "a")))
		return;
	fprintf(out, "# tally %s %u\n", kind, n);
	fclose(out);
}
