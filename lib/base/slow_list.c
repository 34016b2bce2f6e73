/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/slow_list.h"

#define ARENA_LEN (64u << 20) /* for all of a batch together; pages that are not used cost nothing */
#define EACH_MS	  1	      /* further time for each file; most take microseconds */
#define HANGS_MAX 8

/* What parent and child both see. */
struct batch {
	volatile size_t at; /* the file that the child is at */
	size_t n;
	const struct slow_file *v;
	volatile size_t used; /* of the arena */
	struct batch_file {
		int r;
		size_t offset, len;
	} *out;
	char *arena;
};

static int read_one(const struct root *r, const struct slow_file *f, struct batch *b, struct batch_file *out)
{
	_cleanup_close_ int fd = root_open(r, f->path, O_RDONLY | O_NONBLOCK, 0);
	size_t room = ARENA_LEN - b->used, len = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (room > f->max + !f->head)
		room = f->max + !f->head;
	while (len < room && (n = read(fd, b->arena + b->used + len, room - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	if (len == room && !f->head)
		return -EFBIG;
	out->offset = b->used;
	out->len = len;
	b->used += len;
	return 0;
}

static void child(const struct root *r, void *shared)
{
	struct batch *b = shared;

	for (; b->at < b->n; b->at++)
		b->out[b->at].r = read_one(r, &b->v[b->at], b, &b->out[b->at]);
}

/* One child after the other: where one hangs or dies, the next goes on behind. */
static int children_run(const struct root *r, struct batch *b)
{
	unsigned int hangs = 0;

	while (b->at < b->n && hangs < HANGS_MAX) {
		int k = slow_call(r, child, b, SLOW_MS + EACH_MS * (unsigned int)(b->n - b->at));

		if (k < 0 && k != -ETIMEDOUT && k != -EIO)
			return k;
		/* the child died or hangs at this one */
		if (k < 0 && b->at < b->n)
			b->out[b->at++].r = k;
		hangs += k == -ETIMEDOUT;
	}
	return 0;
}

static int take(const struct batch *b, struct slow_file *v)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct batch_file *o = &b->out[i];

		v[i].r = o->r;
		if (o->r < 0)
			continue;
		v[i].data = malloc(o->len + 1);
		if (!v[i].data)
			return -ENOMEM;
		memcpy(v[i].data, b->arena + o->offset, o->len);
		v[i].data[o->len] = '\0';
		v[i].len = o->len;
	}
	return 0;
}

int slow_read_list(const struct root *r, struct slow_file *v, size_t n)
{
	struct batch *b = slow_map(sizeof(*b));
	int k = -ENOMEM;

	if (!b)
		return k;
	b->n = n;
	b->v = v;
	b->out = slow_map((n + 1) * sizeof(*b->out));
	b->arena = slow_map(ARENA_LEN);
	if (b->out && b->arena) {
		for (size_t i = 0; i < n; i++)
			b->out[i].r = -ETIMEDOUT;
		k = children_run(r, b);
	}
	if (k == 0)
		k = take(b, v);
	slow_unmap(b->out, (n + 1) * sizeof(*b->out));
	slow_unmap(b->arena, ARENA_LEN);
	slow_unmap(b, sizeof(*b));
	return k;
}
