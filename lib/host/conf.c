/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/conf.h"

int conf_place_set(struct conf_place *p, const char *file, unsigned int line, unsigned int last, const char *text)
{
	*p = (struct conf_place){ .file = strdup(file), .line = line, .last = last, .text = strdup(text) };
	return p->file && p->text ? 0 : -ENOMEM;
}

void conf_place_done(struct conf_place *p)
{
	free(p->file);
	free(p->text);
	*p = (struct conf_place){ 0 };
}

struct conf_file {
	char *name, *path;
};

struct conf_list {
	struct conf_file *v;
	size_t n;
};

static void conf_list_done(struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].path);
	}
	free(l->v);
}

static bool list_has(const struct conf_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return true;
	return false;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && name[0] != '.' && strcmp(name + n - m, suffix) == 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct conf_file *)a)->name, ((const struct conf_file *)b)->name);
}

void *conf_grow(void *v, size_t *n, size_t size)
{
	char *new = reallocarray(v, *n + 1, size);

	if (new)
		memset(new + size * (*n)++, 0, size);
	return new;
}

static int add_file(struct conf_list *l, const char *dir, const char *name)
{
	struct conf_file *v = conf_grow(l->v, &l->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v += l->n - 1;
	v->name = strdup(name);
	if (asprintf(&v->path, "%s/%s", dir, name) < 0)
		v->path = NULL;
	return v->name && v->path ? 0 : -ENOMEM;
}

int conf_files(const struct root *r, const char *const dirs[], size_t n, const char *suffix, struct strv *ret)
{
	_cleanup_(conf_list_done) struct conf_list l = { 0 };

	for (size_t i = 0; i < n; i++) {
		_cleanup_closedir_ DIR *d = NULL;

		if (root_opendir(r, dirs[i], &d) < 0)
			continue;
		for (struct dirent *ent; (ent = readdir(d));)
			if (has_suffix(ent->d_name, suffix) && !list_has(&l, ent->d_name) && add_file(&l, dirs[i], ent->d_name) < 0)
				return -ENOMEM;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	for (size_t i = 0; i < l.n; i++)
		if (strv_add(ret, l.v[i].path) < 0)
			return -ENOMEM;
	return 0;
}

static bool is_masked(const struct root *r, const char *path)
{
	char base[8];

	return root_readlink_base(r, path, base, sizeof(base)) == 0 && strcmp(base, "null") == 0;
}

int conf_read(const struct root *r, const char *path, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int k = root_read(r, path, CONF_MAX, &text, &len);

	if (k < 0)
		return is_masked(r, path) ? -ENOENT : k;
	if (strlen(text) != len)
		return -EINVAL;
	*ret = TAKE_PTR(text);
	return 0;
}

int conf_each(const struct root *r, const struct strv *files, conf_parse_fn *parse, void *ctx, struct strv *unread)
{
	strv_foreach (path, files) {
		_cleanup_free_ char *text = NULL;
		int k = conf_read(r, path, &text);

		if (k == -ENOENT || k == -EISDIR)
			continue;
		if (k == 0)
			k = parse(ctx, text, path);
		else
			k = k != -ENOMEM && (!unread || strv_add(unread, path) == 0) ? 0 : -ENOMEM;
		if (k < 0)
			return k;
	}
	return 0;
}
