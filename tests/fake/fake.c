/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "tests/fake/fake.h"
#include "tests/fake/scratch.h"

void fake_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("fake: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
	va_end(ap);
	abort();
}

char *fake_path(const struct fake *f, char buf[static PATH_MAX], const char *path)
{
	return path_f(buf, "%s/root%s", f->dir, path);
}

char *fake_hidden_path(const struct fake *f, char buf[static PATH_MAX], const char *fmt, ...)
{
	char rest[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	return path_f(buf, "%s/kernel/%s", f->dir, rest);
}

static void make_parents(const char *path)
{
	char part[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		path_f(part, "%.*s", (int)(p - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			fake_die("mkdir %s: %s", part, strerror(errno));
	}
}

/* Past the stand-ins for write(2) in fault.c: the fake's own work is no call of the program. */
static void store(const char *path, const void *data, size_t n)
{
	FILE *out;

	make_parents(path);
	out = fopen(path, "we");
	if (!out || fwrite(data, 1, n, out) != n || fclose(out) != 0)
		fake_die("cannot write %s: %s", path, strerror(errno));
}

void fake_put_bytes(const struct fake *f, const char *path, const void *data, size_t n)
{
	char full[PATH_MAX];

	store(fake_path(f, full, path), data, n);
}

void fake_put(const struct fake *f, const char *path, const char *text)
{
	fake_put_bytes(f, path, text, strlen(text));
}

void fake_putf(const struct fake *f, const char *path, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fake_put(f, path, text);
}

void fake_link(const struct fake *f, const char *path, const char *target)
{
	char full[PATH_MAX];

	make_parents(fake_path(f, full, path));
	unlink(full);
	if (symlink(target, full) < 0)
		fake_die("symlink %s: %s", full, strerror(errno));
}

void fake_mkdir(const struct fake *f, const char *path)
{
	char full[PATH_MAX];

	fake_path(f, full, path);
	strncat(full, "/", sizeof(full) - strlen(full) - 1);
	make_parents(full);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void fake_remove(const struct fake *f, const char *path)
{
	char full[PATH_MAX];

	nftw(fake_path(f, full, path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool fake_exists(const struct fake *f, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return lstat(fake_path(f, full, path), &st) == 0;
}

static const char *first_line(const char *path)
{
	static char lines[8][1024];
	static unsigned int next;
	char *line = lines[next++ % 8];
	FILE *in = fopen(path, "re");
	size_t n;

	line[0] = '\0';
	if (!in)
		return line;
	n = fread(line, 1, sizeof(lines[0]) - 1, in);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(in);
	return line;
}

const char *fake_get(const struct fake *f, const char *path)
{
	char full[PATH_MAX];

	return first_line(fake_path(f, full, path));
}

void fake_hide(const struct fake *f, const char *path, const char *text)
{
	char full[PATH_MAX];

	store(fake_hidden_path(f, full, "%s", path), text, strlen(text));
}

const char *fake_hidden(const struct fake *f, const char *path)
{
	char full[PATH_MAX];

	return first_line(fake_hidden_path(f, full, "%s", path));
}

bool fake_is_hidden(const struct fake *f, const char *path)
{
	char full[PATH_MAX];

	return access(fake_hidden_path(f, full, "%s", path), F_OK) == 0;
}

struct fake *fake_new(void)
{
	struct fake *f = calloc(1, sizeof(*f));
	char path[PATH_MAX];
	struct err e;

	if (!f)
		fake_die("no memory");
	snprintf(f->dir, sizeof(f->dir), "%s/gpupt-fake.XXXXXX", scratch_dir(false));
	if (!mkdtemp(f->dir))
		fake_die("mkdtemp %s: %s", f->dir, strerror(errno));
	f->owner = getpid();
	f->shared = mmap(NULL, sizeof(*f->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->shared == MAP_FAILED)
		fake_die("mmap: %s", strerror(errno));
	f->shared->released = true;
	fake_mkdir(f, "/");
	fake_mkdir(f, "/run");
	fake_mkdir(f, "/var/lib");
	fake_hide(f, "minor", "0\n");
	if (root_open_dir(&f->root, fake_path(f, path, ""), &e) < 0 || root_open_dir(&f->proc, "/", &e) < 0)
		fake_die("%s", e.text);
	f->hooks = (struct root_hooks){
		.write = fake_write,
		.exec = fake_exec,
		.unit = fake_unit_call,
		.ctx = f,
		.proc = &f->proc,
	};
	f->root.hooks = &f->hooks;
	return f;
}

void fake_free(struct fake *f)
{
	fake_disarm(f);
	if (f->shared->hanging)
		fake_release(f);
	if (f->shared->resets_under_driver)
		fake_die("a function was reset under its native driver");
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	root_close(&f->root);
	root_close(&f->proc);
	munmap(f->shared, sizeof(*f->shared));
	free(f);
}

struct bdf fake_bdf(const char *s)
{
	struct bdf b;

	if (bdf_parse(s, &b) < 0)
		fake_die("'%s' is no address", s);
	return b;
}
