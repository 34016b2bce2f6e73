/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/slow.h"

/* A file as the child hands it over. */
struct file {
	const char *path;
	size_t max;
	int r;
	size_t len;
	char data[];
};

void *slow_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void slow_unmap(void *shared, size_t size)
{
	if (shared)
		munmap(shared, size);
}

int slow_call(const struct root *r, bounded_fn *fn, void *shared, unsigned int timeout_ms)
{
	struct proc_id child;
	int k = bounded_call(r, fn, shared, timeout_ms, &child);

	if (k == -ETIMEDOUT)
		kill(child.pid, SIGKILL);
	return k;
}

static void file_read(const struct root *r, void *shared)
{
	_cleanup_free_ char *data = NULL;
	struct file *f = shared;

	f->r = root_read(r, f->path, f->max, &data, &f->len);
	if (f->r == 0)
		memcpy(f->data, data, f->len);
}

static int file_take(const struct file *f, char **ret, size_t *ret_len)
{
	char *data = malloc(f->len + 1);

	if (!data)
		return -ENOMEM;
	memcpy(data, f->data, f->len);
	data[f->len] = '\0';
	if (ret_len)
		*ret_len = f->len;
	*ret = data;
	return 0;
}

int slow_read(const struct root *r, const char *path, size_t max, char **ret, size_t *ret_len)
{
	size_t size = sizeof(struct file) + max;
	struct file *f = slow_map(size);
	int k;

	if (!f)
		return -ENOMEM;
	f->path = path;
	f->max = max;
	k = slow_call(r, file_read, f, SLOW_MS);
	if (k == 0)
		k = f->r < 0 ? f->r : file_take(f, ret, ret_len);
	slow_unmap(f, size);
	return k;
}

int slow_read_line(const struct root *r, const char *path, char *buf, size_t size)
{
	struct proc_id child;
	int k = bounded_read(r, path, buf, size, SLOW_MS, &child);

	if (k == -ETIMEDOUT)
		kill(child.pid, SIGKILL);
	return k;
}
