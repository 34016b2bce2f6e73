/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/manifest.h"
#include "host/nodes.h"

#define MANIFEST_MAX (64 << 20) /* ten thousand processes with some descriptors each */
#define LINKS_MAX    40	       /* as in the kernel (MAXSYMLINKS in include/linux/namei.h) */

static int compare_path(const void *a, const void *b)
{
	return strcmp(((const struct manifest_entry *)a)->path, ((const struct manifest_entry *)b)->path);
}

int manifest_parse(char *text, struct manifest *ret)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	size_t room = 0;
	char *line;

	while ((line = str_line(&text))) {
		char *number, *path;
		dev_t dev;

		if (!str_starts(line, "c ") && !str_starts(line, "b "))
			continue;
		number = line + 2;
		path = strchr(number, ' ');
		if (!path)
			continue;
		*path++ = '\0';
		if (*path != '/' || node_dev_parse(number, &dev) < 0)
			continue;
		if (m.n == room) {
			struct manifest_entry *v = realloc(m.v, (room = room ? room * 2 : 16) * sizeof(*v));

			if (!v)
				return -ENOMEM;
			m.v = v;
		}
		m.v[m.n] = (struct manifest_entry){ .dev = dev, .block = line[0] == 'b', .path = strdup(path) };
		if (!m.v[m.n].path)
			return -ENOMEM;
		m.n++;
	}
	if (m.n)
		qsort(m.v, m.n, sizeof(*m.v), compare_path);
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

int manifest_load(const struct root *r, struct manifest *ret)
{
	_cleanup_free_ char *text = NULL;
	int k = root_read(r, NODE_MANIFEST, MANIFEST_MAX, &text, NULL);

	if (k == -ENOENT) {
		*ret = (struct manifest){ 0 };
		return 0;
	}
	return k < 0 ? k : manifest_parse(text, ret);
}

void manifest_done(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	free(m->v);
	*m = (struct manifest){ 0 };
}

int manifest_find_any(const struct manifest *m, const char *path, dev_t *ret, bool *ret_block)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(path, m->v[mid].path);

		if (c == 0) {
			*ret = m->v[mid].dev;
			*ret_block = m->v[mid].block;
			return 0;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -ENOENT;
}

int manifest_find(const struct manifest *m, const char *path, dev_t *ret)
{
	bool block;
	dev_t dev;

	if (manifest_find_any(m, path, &dev, &block) < 0 || block)
		return -ENOENT;
	*ret = dev;
	return 0;
}

/*
 * Where path leads: as long as its last component is a link, to that link's target. What leads to its directory is taken as it is,
 * which is how /dev is: links among directories are nowhere in it. 0 or -errno.
 */
static int follow(const struct root *r, const char *path, char out[static PATH_MAX])
{
	char target[PATH_MAX], dir[PATH_MAX];

	path_f(out, "%s", path);
	for (int links = 0; links < LINKS_MAX; links++) {
		const char *name;
		_cleanup_close_ int fd = root_open_parent(r, out, 0, &name);
		ssize_t n = fd < 0 ? -1 : readlinkat(fd, name, target, sizeof(target) - 1);
		char *to = target;

		if (fd < 0)
			return fd;
		if (n < 0)
			return 0;
		target[n] = '\0';
		path_f(dir, "%.*s", (int)(strrchr(out, '/') - out), out);
		while (str_starts(to, "../")) {
			char *slash = strrchr(dir, '/');

			to += 3;
			if (slash)
				*slash = '\0';
		}
		path_f(out, "%s%s%s", *to == '/' ? "" : dir, *to == '/' ? "" : "/", to);
	}
	return -ELOOP;
}

int manifest_rdev(const struct root *r, const struct manifest *m, const char *path, dev_t *ret)
{
	char real[PATH_MAX];
	struct stat st;
	int k = root_stat(r, path, &st);

	if (k == 0 && S_ISCHR(st.st_mode)) {
		*ret = st.st_rdev;
		return 0;
	}
	if (root_is_real(r))
		return k < 0 ? k : -ENOTTY;
	if (manifest_find(m, path, ret) == 0)
		return 0;
	k = follow(r, path, real);
	return k < 0 ? k : manifest_find(m, real, ret);
}

int node_rdev(const struct root *r, const char *path, dev_t *ret)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	int k = root_is_real(r) ? 0 : manifest_load(r, &m);

	return k < 0 ? k : manifest_rdev(r, &m, path, ret);
}
