/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/manifest.h"
#include "host/nodes.h"

#define MANIFEST_MAX (8 << 20)

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

		if (!str_starts(line, "c "))
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
		m.v[m.n] = (struct manifest_entry){ .dev = dev, .path = strdup(path) };
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

int manifest_find(const struct manifest *m, const char *path, dev_t *ret)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(path, m->v[mid].path);

		if (c == 0) {
			*ret = m->v[mid].dev;
			return 0;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -ENOENT;
}

int node_rdev(const struct root *r, const char *path, dev_t *ret)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	struct stat st;
	int k;

	k = root_stat(r, path, &st);
	if (k == 0 && S_ISCHR(st.st_mode)) {
		*ret = st.st_rdev;
		return 0;
	}
	if (root_is_real(r))
		return k < 0 ? k : -ENOTTY;
	k = manifest_load(r, &m);
	return k < 0 ? k : manifest_find(&m, path, ret);
}
