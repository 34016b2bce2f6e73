/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow.h"
#include "host/rdev.h"

#define HANGS_MAX 2 /* paths that are waited for; after that no more are looked at outside /dev */

struct look {
	const struct manifest *manifest;
	const char *const *paths;
	size_t n;
	dev_t dev_fs; /* the filesystem of /dev, 0 if it is not known */
	size_t at;    /* the path that the child is at */
	struct rdev found[];
};

static bool below_dev(const char *path)
{
	return str_starts(path, "/dev/") || str_eq(path, "/dev");
}

static void look_at(const struct root *r, const struct look *l, const char *path, struct rdev *to)
{
	struct stat st;

	to->r = manifest_rdev(r, l->manifest, path, &to->dev);
	if (root_stat(r, path, &st) < 0)
		return;
	/* what stands for it in a captured tree is anybody's */
	if (to->r == 0 && S_ISCHR(st.st_mode))
		to->own = (struct root_own){ st.st_mode & 07777, st.st_uid, st.st_gid };
	if (to->r == 0 || !S_ISDIR(st.st_mode))
		return;
	to->r = -ENOTTY;
	to->is_dir = true;
	to->on_dev = root_is_real(r) ? st.st_dev == l->dev_fs : below_dev(path);
}

static void look_child(const struct root *r, void *shared)
{
	struct look *l = shared;

	for (; l->at < l->n; l->at++)
		if (!below_dev(l->paths[l->at]))
			look_at(r, l, l->paths[l->at], &l->found[l->at]);
}

/* Those outside /dev, from path l->at on. 0, -ETIMEDOUT (there it hangs), -errno. */
static int look_outside(const struct root *r, const struct look *l, struct rdev *to, size_t *ret_at)
{
	size_t size = sizeof(*l) + l->n * sizeof(*to), end;
	struct look *child = slow_map(size);
	int k;

	if (!child)
		return -ENOMEM;
	*child = *l;
	child->at = *ret_at;
	k = slow_call(r, look_child, child, SLOW_MS);
	end = child->at < l->n ? child->at : l->n;
	for (size_t i = *ret_at; i < end; i++)
		if (!below_dev(l->paths[i]))
			to[i] = child->found[i];
	*ret_at = end;
	slow_unmap(child, size);
	return k;
}

int rdev_load(const struct root *r, const struct manifest *manifest, const char *const paths[], size_t n, struct rdev **ret)
{
	_cleanup_free_ struct rdev *v = calloc(n + 1, sizeof(*v));
	struct look l = { .manifest = manifest, .paths = paths, .n = n };
	bool outside = false;
	unsigned int hangs = 0;
	size_t at = 0;
	struct stat st;

	if (!v)
		return -ENOMEM;
	if (root_stat(r, "/dev", &st) == 0)
		l.dev_fs = st.st_dev;
	for (size_t i = 0; i < n; i++) {
		/* nothing in a captured tree can hang */
		if (below_dev(paths[i]) || !root_is_real(r)) {
			look_at(r, &l, paths[i], &v[i]);
			continue;
		}
		v[i].r = -ETIMEDOUT;
		outside = true;
	}
	while (outside && at < n && hangs < HANGS_MAX) {
		int k = look_outside(r, &l, v, &at);

		if (k < 0 && k != -ETIMEDOUT)
			return k;
		at += k == -ETIMEDOUT;
		hangs += k == -ETIMEDOUT;
	}
	*ret = TAKE_PTR(v);
	return 0;
}
