/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/fdinfo.h"
#include "base/slow.h"

#define FDINFO_MAX  65536
#define O_PATH_FLAG 010000000 /* as fdinfo shows it, in octal */

/* What parent and child both see. */
struct shared {
	size_t n;
	struct fdinfo v[];
};

int fdinfo_add(struct fdinfo_list *l, pid_t pid, unsigned int fd, const struct node *node)
{
	struct fdinfo *v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = (struct fdinfo){ .pid = pid, .fd = fd, .node = node };
	return 0;
}

void fdinfo_list_done(struct fdinfo_list *l)
{
	free(l->v);
	*l = (struct fdinfo_list){ 0 };
}

static void parse(char *text, struct fdinfo *f)
{
	char *line;

	f->open = true;
	while ((line = str_line(&text))) {
		if (str_starts(line, "flags:"))
			f->open = !(strtoul(line + strlen("flags:"), NULL, 8) & O_PATH_FLAG);
		else if (str_starts(line, "drm-pdev:"))
			f->has_pdev = bdf_parse_full(str_trim(line + strlen("drm-pdev:")), &f->pdev) == 0;
	}
}

static void read_one(const struct root *r, struct fdinfo *f)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int k = root_read(r, path_f(path, "/proc/%d/fdinfo/%u", (int)f->pid, f->fd), FDINFO_MAX, &text, NULL);

	if (k == 0)
		parse(text, f);
	else if (k == -ENOENT ||
		 k == -ESRCH) /* closed meanwhile, unless nothing moves: then it was not captured */
		f->open = !root_is_real(r);
	else
		return;
	/* last of all: the parent may look at any time */
	__atomic_store_n(&f->known, true, __ATOMIC_RELEASE);
}

/* First what is but named, most likely: such a file has no driver to wait for. */
static void child(const struct root *r, void *shared)
{
	struct shared *s = shared;

	for (int named = 1; named >= 0; named--)
		for (size_t i = 0; i < s->n; i++)
			if ((s->v[i].node != NULL) == named)
				read_one(r, &s->v[i]);
}

int fdinfo_load(const struct root *r, struct fdinfo_list *l)
{
	size_t size = sizeof(struct shared) + l->n * sizeof(*l->v);
	struct shared *s;
	int k;

	if (l->n == 0)
		return 0;
	s = slow_map(size);
	if (!s)
		return -ENOMEM;
	s->n = l->n;
	memcpy(s->v, l->v, l->n * sizeof(*l->v));
	k = slow_call(r, child, s, FDINFO_MS);
	for (size_t i = 0; i < l->n; i++)
		if (__atomic_load_n(&s->v[i].known, __ATOMIC_ACQUIRE))
			l->v[i] = s->v[i];
	slow_unmap(s, size);
	/* late, or dead: what it found out counts */
	return k == -ETIMEDOUT || k == -EIO ? 0 : k;
}
